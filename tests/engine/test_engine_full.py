"""An engine with room for two calls: the third is turned away or waits, and the room comes back."""

from collections.abc import Iterator

import pytest
from conftest import Running, started

pytestmark = pytest.mark.interop

CHANNELS = 2
WAITS = {
    "name": "Waits",
    "input": {"attempts": 1},
    "pages": [
        {
            "name": "Main",
            "modules": [
                {"name": "start", "type": "start", "exits": {"next": "wait"}},
                {"name": "wait", "type": "digits", "initial_timeout_s": 4, "exits": {"next": "end"}},
                {"name": "end", "type": "exit"},
            ],
        }
    ],
}


@pytest.fixture(scope="module")
def small() -> Iterator[Running]:
    with started("--channels", str(CHANNELS)) as running:
        yield running


async def test_callers_past_the_limit_get_503_and_the_room_comes_back(small, tmp_path):
    await small.deploy(WAITS, address="waits")
    for round in range(2):
        folder = tmp_path / str(round)
        folder.mkdir()
        status, output = await small.sipp("ivr_caller", "waits", folder, "-m", "6", "-r", "6", "-l", "6")
        assert status == 1 and output.count("SIP/2.0 503") >= 4, output
        calls = await small.calls("waits", CHANNELS * (round + 1))
        assert len(calls) == CHANNELS * (round + 1), "the two that had room were served"


async def test_the_queue_waits_for_room_and_is_dialled_whole(small):
    queued = [await small.queue("12125550106") for _ in range(5)]
    for call_id in queued:
        assert (await small.over(call_id))["details"]["status"] == "completed"
    at_once = most = 0
    for event in sorted(small.phone_events(), key=lambda event: event["at"]):
        at_once += {"answered": 1, "ended": -1}.get(event["event"], 0)
        most = max(most, at_once)
    assert at_once == 0 and most == CHANNELS
