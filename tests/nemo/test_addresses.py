"""Which numbers may be fetched from, seen from a service on the open network and from one next door."""

from __future__ import annotations

import ipaddress

import httpx
import pytest

from nemo_watch.errors import Cause, Trouble
from nemo_watch.nemo.addresses import Addresses, fetchable, is_open
from nemo_watch.nemo.transport import Transport

CLOSED = [
    "127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "::1", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1",
    "2002:7f00:1::", "::ffff:10.0.0.1",
]  # fmt: skip
NEVER = ["169.254.169.254", "fe80::1", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "::ffff:169.254.169.254", "100.64.0.1"]
OPEN = ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"]


@pytest.mark.parametrize("number", CLOSED)
def test_this_machine_and_private_networks_are_for_neighbours_only(number):
    assert not is_open(ipaddress.ip_address(number), near=False)
    assert is_open(ipaddress.ip_address(number), near=True)


@pytest.mark.parametrize("number", NEVER)
def test_some_numbers_are_never_fetched_from(number):
    assert not is_open(ipaddress.ip_address(number), near=False)
    assert not is_open(ipaddress.ip_address(number), near=True)


@pytest.mark.parametrize("number", OPEN)
def test_the_open_network_is_open(number):
    assert is_open(ipaddress.ip_address(number), near=False)


@pytest.fixture
def looked_up(monkeypatch):
    """Addresses for a service on the open network, with a name service of the test's own."""

    def made(names):
        addresses = Addresses(Transport("https://93.184.216.34"))

        async def found(host, port):
            return [ipaddress.ip_address(number) for number in names.get(host, [host])]

        monkeypatch.setattr(addresses, "_looked_up", found)
        monkeypatch.setattr(addresses, "_is_proxied", lambda url: False)
        return addresses

    return made


async def test_a_host_is_held_to_the_numbers_that_were_vetted(looked_up):
    addresses = looked_up({"cdn.test": ["93.184.216.35", "2606:2800:220:1::1"]})
    assert await addresses.pins(httpx.URL("https://cdn.test/v")) == ["93.184.216.35", "2606:2800:220:1::1"]


@pytest.mark.parametrize("numbers", [["127.0.0.1"], ["93.184.216.35", "10.0.0.1"], []])
async def test_a_name_that_leads_inside_is_refused(looked_up, numbers):
    with pytest.raises(Trouble) as raised:
        await looked_up({"evil.test": numbers}).pins(httpx.URL("https://evil.test/v"))
    assert raised.value.cause is Cause.DOWNLOAD_REFUSED


async def test_the_own_host_needs_no_vetting(looked_up):
    assert await looked_up({}).pins(httpx.URL("https://93.184.216.34/v")) == [None]


def test_credentials_in_an_address_are_not_carried_along():
    assert str(fetchable("https://user:pass@cdn.test/v?s=1#f")) == "https://cdn.test/v?s=1"
