import pytest
pytestmark = pytest.mark.systemd
def test_x(booted):
    print(booted.sh("systemctl is-system-running; systemctl --failed --no-pager; nemo-watch --version; ls -la /root | head -3; id"))
    assert 0
