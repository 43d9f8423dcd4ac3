"""Session ids are unique on one engine, whatever the clock does, and channels come back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.engine.session_ids import Channels

pytestmark = pytest.mark.pure


def test_the_form() -> None:
    channels = Channels(300060, 1000)
    assert channels.take(1529552581.9) == 0
    assert channels.begin(0, 1529552581.9) == "300060;000;1529552581"


def test_a_channel_rests_for_the_second_in_which_its_session_began() -> None:
    channels = Channels(1, 1)
    taken = channels.take(100.0)
    assert taken == 0 and channels.take(100.1) is None and channels.free == 0
    channels.begin(taken, 100.2)
    channels.give_back(taken)
    assert channels.free == 1
    assert channels.take(100.9) is None
    assert channels.take(101.0) == 0


def test_a_channel_that_came_to_nothing_is_free_at_once() -> None:
    channels = Channels(1, 1)
    channels.give_back(channels.take(100.0))
    assert channels.take(100.0) == 0


@given(st.lists(st.tuples(st.sampled_from(["take", "begin", "end"]), st.floats(-3, 3)), max_size=200))
def test_no_id_twice(steps: list[tuple[str, float]]) -> None:
    """Also where the clock jumps back and forth."""
    channels, now = Channels(1, 3), 1000.0
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
