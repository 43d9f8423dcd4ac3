"""How often the media thread wakes."""

import pytest
from rtp_peer import Call, settle

from callwright.telephony.plane import Closed, MediaPlane

pytestmark = pytest.mark.wire

PROMPT = (bytes(160),) * 20


async def _steps_of_a_wake(plane: MediaPlane, call: Call) -> float:
    """How many steps go by each time that the thread wakes, of a prompt of this call."""
    settle(call.session)
    step, waits, skipped, already = plane._step, plane._waits, plane._skipped_steps, len(call.peer.packets)
    call.session.play([PROMPT], 1)
    await call.peer.got(already + 20)
    return (plane._step - step - (plane._skipped_steps - skipped)) / (plane._waits - waits)


async def test_the_thread_wakes_half_as_often_for_a_few_calls(plane, monkeypatch):
    """As long as none is bridged, whose voices should not wait."""
    monkeypatch.setattr("callwright.telephony.plane.FEW", 3)
    calls = [Call(plane) for _ in range(3)]
    assert await _steps_of_a_wake(plane, calls[0]) == pytest.approx(2, abs=0.2)
    calls[0].session.bridge(calls[1].session)
    assert await _steps_of_a_wake(plane, calls[2]) == pytest.approx(1, abs=0.1)
    calls[0].session.bridge(None)
    assert await _steps_of_a_wake(plane, calls[0]) == pytest.approx(2, abs=0.2)
    more = Call(plane)
    assert await _steps_of_a_wake(plane, more) == pytest.approx(1, abs=0.1)
    more.session.close()
    await more.told.event(Closed)
    assert await _steps_of_a_wake(plane, calls[0]) == pytest.approx(2, abs=0.2)
    for call in (*calls, more):
        call.peer.close()
