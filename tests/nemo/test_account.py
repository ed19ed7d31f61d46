"""One client id for ever, one renewal at a time, and a given token never replaced. API text "Authentication"."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from nemo_watch.errors import Cause, Trouble, UsageError
from nemo_watch.nemo.account import Account
from nemo_watch.nemo.tokens import FileTokens, KeptToken
from nemo_watch.nemo.wire import Token

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Wall:
    """Two clocks: `later` is time that passes; `at` alone is somebody putting the date right or wrong."""

    def __init__(self):
        self.at = NOW
        self.run_s = 0.0

    def later(self, **passed):
        self.at += timedelta(**passed)
        self.run_s += timedelta(**passed).total_seconds()

    def now(self):
        return self.at

    def monotonic(self):
        return self.run_s

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
    wall.later(days=1)
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


# -- a disk that refuses -----------------------------------------------------------------------------------------------------


class Full(FileTokens):
    """The state folder while its disk is full."""

    def __init__(self, folder):
        super().__init__(folder)
        self.full = True
        self.tried = 0

    def _refuse(self):
        self.tried += 1
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async def keep_client_id(self, client_id, taken_at):
        self._refuse()
        await super().keep_client_id(client_id, taken_at)

    async def keep_token(self, token):
        self._refuse()
        await super().keep_token(token)


async def on_full_disk(tmp_path, wall, service):
    """An account whose client id was kept before the disk was full."""
    await FileTokens(tmp_path).keep_client_id("kept-id", NOW)
    store = Full(tmp_path)
    account = Account("api.test", store, wall, service)
    await account.open()
    return account, store


async def test_a_token_that_the_disk_refuses_is_used_and_told_once_and_kept_as_soon_as_there_is_room(tmp_path, wall):
    service = Service()
    account, store = await on_full_disk(tmp_path, wall, service)
    with capture_logs() as lines:
        assert {await account.bearer() for _ in range(50)} == {"nmv_usr_1"}
        assert store.tried == 1
        for _ in range(10):
            wall.later(minutes=5)
            await account.bearer()
        assert await store.token() is None
        store.full = False
        wall.later(minutes=5)
        await account.bearer()
    assert (await store.token()).token == "nmv_usr_1"
    assert [line["event"] for line in lines if line["log_level"] == "warning"] == ["token.unkept"]
    tried = store.tried
    wall.later(minutes=5)
    await account.bearer()
    assert store.tried == tried
    assert len(service.asked) == 1


async def test_a_session_told_on_a_full_disk_costs_nothing_and_its_user_is_kept_later(tmp_path, wall):
    account, store = await on_full_disk(tmp_path, wall, Service())
    await account.bearer()
    await account.learn("u-9")
    store.full = False
    wall.later(minutes=5)
    await account.bearer()
    assert (await store.token()).user_id == "u-9"


async def test_with_a_token_that_could_not_be_kept_no_other_client_id_is_taken(tmp_path, wall):
    service = Service(None, Cause.RATE_LIMITED)
    account, _ = await on_full_disk(tmp_path, wall, service)
    with pytest.raises(Trouble) as raised:
        await account.renew(await account.bearer())
    assert raised.value.cause is Cause.TOKENS_USED_UP
    assert set(service.asked) == {"kept-id"}


async def test_a_first_start_on_a_full_disk_starts_and_asks_for_no_token_that_it_would_lose(tmp_path, wall):
    """A token for a client id that the next start does not know is one of the few that this machine may have."""
    service, store = Service(), Full(tmp_path)
    account = Account("api.test", store, wall, service)
    await account.open()
    for _ in range(2):
        with pytest.raises(Trouble) as raised:
            await account.bearer()
        assert raised.value.cause is Cause.NO_SPACE
        assert str(raised.value) == "The disk that holds the state folder is full."
    assert service.asked == []
    store.full = False
    await account.bearer()
    assert service.asked == [(await store.client_id())[0]] == [await account.client_id()]


async def test_an_account_that_cannot_be_read_is_not_replaced_by_a_new_one(tmp_path, wall):
    (tmp_path / "client-id").mkdir()
    with pytest.raises(UsageError, match="client-id cannot be read"):
        await Account("api.test", FileTokens(tmp_path), wall, Service()).open()


# -- a date that jumps -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("refusal", [Cause.RATE_LIMITED, Cause.NETWORK_DOWN, Cause.SERVICE_DOWN])
async def test_a_date_that_jumps_ahead_stops_nothing_where_no_new_token_is_given_out(opened, wall, refusal):
    service = Service(None, refusal)
    account = await opened(service)
    first = await account.bearer()
    wall.at += timedelta(days=3650)
    assert {await account.bearer() for _ in range(5)} == {first}
    assert len(service.asked) == 2  # tried once, not at every call: each try waits for the rate limit
    assert (await FileTokens(account._store._token.parent).token()).expires_at == NOW + timedelta(days=7)


async def test_a_token_that_is_really_over_is_found_out_by_the_service(opened, wall):
    service = Service(None, Cause.RATE_LIMITED, Cause.RATE_LIMITED)
    account = await opened(service)
    first = await account.bearer()
    wall.later(days=7)
    assert await account.bearer() == first
    with pytest.raises(Trouble) as raised:
        await account.renew(first)
    assert raised.value.cause is Cause.TOKENS_USED_UP
    assert await account.renew(first) == "nmv_usr_4"


async def test_a_date_put_back_by_years_does_not_hold_up_the_next_token_for_years(opened, wall):
    service = Service()
    account = await opened(service)
    second = await account.renew(await account.bearer())
    wall.at -= timedelta(days=3650)
    wall.later(days=1)
    assert await account.renew(second) != second


async def test_a_date_put_back_by_years_does_not_hold_up_another_client_id_for_years(tmp_path, wall):
    """The first token's answer was lost while the date was ten years ahead."""
    await FileTokens(tmp_path).keep_client_id("of-the-future", NOW + timedelta(days=3650))
    service = Service(Cause.RATE_LIMITED)
    account = Account("api.test", FileTokens(tmp_path), wall, service)
    await account.open()
    assert await account.bearer() == "nmv_usr_2"
    assert service.asked[0] == "of-the-future"
    assert service.asked[1] == await account.client_id() != "of-the-future"


async def test_dates_without_a_zone_count_as_damaged(tmp_path):
    (tmp_path / "client-id").write_text("mine 2026-11-22T12:00:00\n")
    (tmp_path / "token.json").write_text(
        '{"host":"h","client_id":"mine","token":"t","expires_at":"2026-11-22T12:00:00"}'
    )
    store = FileTokens(tmp_path)
    assert (await store.client_id())[1].tzinfo is not None
    assert await store.token() is None


# -- 402 at the token call ---------------------------------------------------------------------------------------------------


async def test_a_402_for_the_token_speaks_of_no_export(opened):
    with pytest.raises(Trouble) as raised:
        await (await opened(Service(Cause.PLAN_BLOCKS_EXPORT))).bearer()
    assert raised.value.cause is Cause.REQUEST_REFUSED
    assert "export" not in str(raised.value)
    assert "your plan does not allow it" in str(raised.value)
