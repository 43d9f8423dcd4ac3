"""An engine with room for two calls and little patience: the third caller is turned away, the queue waits, nobody rings on."""

from collections.abc import Iterator

import pytest
from conftest import Running, started

pytestmark = pytest.mark.interop

CHANNELS = 2
WAITS = {
    "name": "Waits",
    "input": {"no_match": {"attempts": [""]}, "no_input": {"attempts": [""]}},
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
    with started("--channels", str(CHANNELS), "--ring-seconds", "2") as running:
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


async def test_a_telephone_that_nobody_answers_is_given_up_and_tried_again(small):
    """The reattempt comes a minute later, which is the shortest that may be asked for: here, that it is queued again."""
    once = await small.over(await small.queue("12125550103"))
    assert (once["details"]["status"], once["cause"], once["calls"]) == ("failed", "408 No answer", [])
    again = await small.queue("12125550103", max_attempts="2", reattempt_wait="60")
    waiting = await small.until(again, "queued", "failed")
    while len(waiting["details"]["events"]) < 3:
        waiting = await small.until(again, "queued", "failed")
    assert [event["event"] for event in waiting["details"]["events"]] == ["queued", "dialing", "failed"]
    assert waiting["details"]["status"] == "queued"
    ended = [event for event in small.phone_events() if event["event"] == "ended" and event["detail"]]
    assert ended[-1]["detail"] == "CANCEL", "its ringing was stopped"
