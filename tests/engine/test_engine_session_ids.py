"""Session ids are unique on one engine, whatever the clock does, and channels come back."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.engine.session_ids import CHANNELS, Channels
from callwright.services import engines


@pytest.mark.pure
def test_the_form() -> None:
    channels = Channels([300060], 1000)
    assert channels.take(1529552581.9) == 0
    assert channels.begin(0, 1529552581.9) == "300060;000;1529552581"


@pytest.mark.pure
def test_a_channel_rests_for_the_second_in_which_its_session_began() -> None:
    channels = Channels([1], CHANNELS)
    for channel in range(CHANNELS):
        assert channels.take(100.0) == channel
        assert channels.begin(channel, 100.2) == f"000001;{channel:03d};100"
        channels.give_back(channel)
    assert channels.free == CHANNELS
    assert channels.take(100.9) is None
    # The one whose session began the longest ago, however long it then lasted.
    taken = channels.take(101.0)
    assert taken == 0 and channels.begin(taken, 101.5) == "000001;000;101"
    channels.give_back(taken)
    assert channels.take(102.0) == 1


@pytest.mark.pure
def test_no_more_calls_at_once_than_there_may_be() -> None:
    channels = Channels([1], 2)
    assert (channels.take(1.0), channels.take(1.0), channels.take(1.0), channels.free) == (0, 1, None, 0)
    channels.give_back(1)
    assert (channels.free, channels.take(1.0)) == (1, 1)


@pytest.mark.pure
def test_a_channel_that_came_to_nothing_is_free_at_once() -> None:
    channels = Channels([1], 1)
    channels.give_back(channels.take(100.0))
    assert channels.take(100.0) == 0


@pytest.mark.pure
def test_more_than_a_thousand_calls_in_one_second() -> None:
    """A thousand at once, so short that each channel would be wanted twice: the second server id has more."""
    channels = Channels([100001, 100002], 1000)
    ids = []
    for _ in range(2000):
        channel = channels.take(100.0 + len(ids) / 2000)
        ids.append(channels.begin(channel, 100.0 + len(ids) / 2000))
        channels.give_back(channel)
    assert len(set(ids)) == 2000
    assert {one.rpartition(";")[2] for one in ids} == {"100"}
    assert ids[999:1001] == ["100001;999;100", "100002;000;100"]
    assert channels.take(100.999) is None and channels.take(101) is not None


@pytest.mark.pure
@given(st.lists(st.tuples(st.sampled_from(["take", "begin", "end"]), st.floats(-3, 3)), max_size=200))
def test_no_id_twice(steps: list[tuple[str, float]]) -> None:
    """Also where the clock jumps back and forth."""
    channels, now = Channels([1], 3), 1000.0
    taken: list[int] = []
    begun: list[int] = []
    ids: list[str] = []
    for what, later in steps:
        now += later
        if what == "take" and (channel := channels.take(now)) is not None:
            assert channel not in (*taken, *begun)
            taken.append(channel)
        elif what == "begin" and taken:
            ids.append(channels.begin(taken[0], now))
            begun.append(taken.pop(0))
        elif what == "end" and begun:
            channels.give_back(begun.pop(0))
    assert len(set(ids)) == len(ids)


@pytest.mark.store
async def test_no_id_twice_over_engines_and_restarts(db):
    """Engines that start at the same time, end, and start again with a clock that was set back meanwhile."""
    ids: list[str] = []
    for clock in (1_700_000_000.0, 1_699_990_000.0, 1_700_000_000.0):
        leases = await asyncio.gather(*(engines.register(db, "test", clock, channels=1500) for _ in range(8)))
        for lease in leases:
            channels = Channels(lease.server_ids, 1500)
            for n in range(300):
                channel = channels.take(clock + n / 100)
                ids.append(channels.begin(channel, clock + n / 100))
                channels.give_back(channel)
            await engines.stop(db, lease.id, clock)
    assert len(set(ids)) == len(ids) == 3 * 8 * 300
    servers = {one.partition(";")[0] for one in ids}
    assert len(servers) == 24 and all(len(one) == 6 for one in servers)


@pytest.mark.store
async def test_what_was_leased_is_never_leased_again(db):
    leases = [await engines.register(db, "test", 1.0, channels=channels) for channels in (1, 1000, 1001, 5000)]
    assert [len(lease.server_ids) for lease in leases] == [2, 2, 3, 6]
    leased = [server_id for lease in leases for server_id in lease.server_ids]
    assert leased == list(range(100_001, 100_014))
    # Also where the engine's row was never written.
    await db.pool.execute("DELETE FROM engines")
    assert (await engines.register(db, "test", 1.0)).server_id == 100_014
