"""One client id for ever, one renewal at a time, and a given token never replaced. API text "Authentication"."""

from __future__ import annotations

import asyncio
import stat
from datetime import UTC, datetime, timedelta

import pytest

from nemo_watch.errors import Cause, Trouble
from nemo_watch.nemo.account import Account
from nemo_watch.nemo.tokens import FileTokens, KeptToken
from nemo_watch.nemo.wire import Token

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Wall:
    def __init__(self):
        self.at = NOW

    def now(self):
        return self.at

    def monotonic(self):
        return 0.0

    async def sleep(self, seconds):
        await asyncio.sleep(0)


class Service:
    """Gives out tokens; `refuse` holds the causes of the next refusals."""

    def __init__(self, *refuse, days=7):
        self.refuse, self.asked, self.days = list(refuse), [], days

    async def __call__(self, client_id):
        self.asked.append(client_id)
        await asyncio.sleep(0)
        if self.refuse and (cause := self.refuse.pop(0)):
            raise Trouble(cause)
        return Token(f"nmv_usr_{len(self.asked)}", "u-1", 100, NOW + timedelta(days=self.days))


@pytest.fixture
def wall():
    return Wall()


@pytest.fixture
def opened(tmp_path, wall):
    async def made(service, **given):
        account = Account("api.test", FileTokens(tmp_path), wall, service, **given)
        await account.open()
        return account

    return made


async def test_a_client_id_is_made_once_and_kept_over_restarts(opened):
    service = Service()
    first = await opened(service)
    token = await first.bearer()
    second = await opened(service)
    assert await second.bearer() == token
    assert first.key == second.key
    assert len(service.asked) == 1
    assert "nmv" not in first.key


async def test_renewals_at_once_are_one_renewal_under_the_same_client_id(opened):
    service = Service()
    account = await opened(service)
    old = await account.bearer()
    new = await asyncio.gather(*(account.renew(old) for _ in range(20)))
    assert set(new) == {"nmv_usr_2"}
    assert len(service.asked) == 2
    assert len(set(service.asked)) == 1


async def test_first_calls_at_once_fetch_one_token(opened):
    service = Service()
    account = await opened(service)
    assert len({await token for token in [account.bearer() for _ in range(5)]}) == 1
    assert len(service.asked) == 1


async def test_a_token_that_is_over_is_replaced_before_it_is_sent(opened, wall):
    service = Service()
    account = await opened(service)
    await account.bearer()
    wall.at += timedelta(days=7)
    assert await account.bearer() == "nmv_usr_2"


async def test_a_new_token_whose_date_is_over_already_is_used_all_the_same(opened):
    service = Service(days=-300)
    account = await opened(service)
    assert {await account.bearer() for _ in range(3)} == {"nmv_usr_1"}
    assert await (await opened(service)).bearer() == "nmv_usr_1"


async def test_a_given_token_is_never_replaced_and_never_kept(opened, tmp_path):
    service = Service()
    account = await opened(service, given_token=" tok \n")
    assert await account.bearer() == "tok"
    with pytest.raises(Trouble) as raised:
        await account.renew("tok")
    assert raised.value.cause is Cause.TOKEN_REJECTED
    assert service.asked == []
    assert list(tmp_path.iterdir()) == []
    assert account.registration_link() is None
    assert account.key.startswith("token:")


async def test_a_rate_limit_with_a_token_kept_takes_no_new_client_id(opened):
    service = Service(None, Cause.RATE_LIMITED)
    account = await opened(service)
    with pytest.raises(Trouble) as raised:
        await account.renew(await account.bearer())
    assert raised.value.cause is Cause.TOKENS_USED_UP
    assert len(set(service.asked)) == 1


async def test_a_first_token_lost_in_a_crash_costs_one_new_client_id_a_day(opened, wall):
    crashed = Service()
    await opened(crashed)
    wall.at += timedelta(seconds=5)
    service = Service(Cause.RATE_LIMITED, Cause.RATE_LIMITED, Cause.RATE_LIMITED)
    account = await opened(service)
    for _ in range(2):
        with pytest.raises(Trouble) as raised:
            await account.bearer()
        assert raised.value.cause is Cause.TOKENS_USED_UP
    assert len(service.asked) == 3
    assert len(set(service.asked)) == 2
    wall.at += timedelta(days=1)
    assert (await account.bearer()).startswith("nmv_usr_")


async def test_a_persons_own_client_id_is_respected(opened, tmp_path):
    service = Service(Cause.RATE_LIMITED)
    account = await opened(service, given_client_id="mine")
    with pytest.raises(Trouble):
        await account.bearer()
    assert service.asked == ["mine"]
    assert not (tmp_path / "client-id").exists()


async def test_a_client_id_that_is_not_taken_for_one_is_replaced_once(opened):
    service = Service(Cause.CLIENT_ID_MISSING)
    account = await opened(service)
    await account.bearer()
    assert len(set(service.asked)) == 2
    assert service.asked[1] == await account.client_id()


async def test_the_token_file_is_for_its_owner_alone_and_goes_to_no_other_host(opened, tmp_path, wall):
    account = await opened(Service())
    token = await account.bearer()
    assert stat.S_IMODE((tmp_path / "token.json").stat().st_mode) == 0o600
    assert token not in repr(await FileTokens(tmp_path).token())
    service = Service(days=1)
    elsewhere = Account("other.test", FileTokens(tmp_path), wall, service)
    await elsewhere.open()
    await elsewhere.bearer()
    assert len(service.asked) == 1
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".new")]


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe", b"[]", b'{"token": 5}', b'{"host": "api.test"}'])
async def test_damaged_files_count_as_none(opened, tmp_path, damage):
    (tmp_path / "token.json").write_bytes(damage)
    (tmp_path / "client-id").write_bytes(damage[:0])
    account = await opened(Service())
    assert await account.bearer() == "nmv_usr_1"


async def test_the_registration_link_names_the_user_else_the_client_id(opened):
    account = await opened(Service())
    assert account.registration_link().endswith(f"bind={await account.client_id()}")
    await account.bearer()
    assert account.registration_link() == "https://nemovideo.com/register?bind=u-1"
    await account.learn("u 2")
    assert account.registration_link().endswith("bind=u%202")
    assert account.registration_link() in account.how_to_get_credits()


async def test_the_user_id_of_a_session_outlives_a_restart(opened):
    account = await opened(Service())
    await account.bearer()
    await account.learn("session's user")
    again = await opened(Service())
    assert again.registration_link().endswith("bind=session%27s%20user")


async def test_tokens_that_are_refused_at_once_are_not_fetched_one_after_another(opened, wall):
    """The caps of the service count every token: 1 per client id, about 10 per address, in 7 days."""
    service = Service()
    account = await opened(service)
    second = await account.renew(await account.bearer())
    for _ in range(3):
        with pytest.raises(Trouble) as raised:
            await account.renew(second)
        assert raised.value.cause is Cause.SERVICE_DOWN
    assert len(service.asked) == 2
    wall.at += timedelta(days=1)
    assert await account.renew(second) != second


async def test_a_token_that_was_good_is_replaced_whenever_it_is_refused(opened):
    service = Service()
    account = await opened(service)
    token = await account.bearer()
    for _ in range(3):
        account.accepted(token)
        token = await account.renew(token)
    assert len(service.asked) == 4


def test_values_that_hold_a_token_do_not_show_it():
    assert "secret" not in repr(Token("secret")) + repr(KeptToken("h", "c", "secret"))
