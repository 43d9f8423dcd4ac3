"""Calls end by reference count: whatever becomes of one, nothing of it waits for the garbage collector, whose run is a pause for
all calls that are there."""

import gc
from collections.abc import Callable, Iterator
from types import FunctionType, MethodType

import pytest
from sip_bench import ANSWER, OFFER, Bench, Owned, answer, invite, request, within

from callwright.sip.call import SipCall
from callwright.sip.digest import Credentials

pytestmark = pytest.mark.pure

CALLS = 20


@pytest.fixture(autouse=True)
def uncollected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def _taken(bench: Bench, **headers: str) -> Owned:
    bench.receive(invite(call_id=f"c{bench.now}", **headers))
    return bench.incoming.pop()


def _answered(bench: Bench, **headers: str) -> Owned:
    owned = _taken(bench, **headers)
    owned.call.ring()
    owned.call.answer(ANSWER)
    bench.receive(within(owned, "ACK", 1))
    return owned


def _dialled(bench: Bench, **headers: str) -> Owned:
    owned = bench.dial(call_id=f"c{bench.now}", credentials=Credentials("ann", "s3cr3t"))
    bench.receive(answer(bench.request(), 180))
    bench.receive(answer(bench.request(last="INVITE"), 200, body=ANSWER, **headers))
    return owned


def _by(owned: Owned) -> dict[str, str]:
    """Of a request of whom we called."""
    return {"call_id": owned.call.call_id, "from_tag": "theirs"}


def _hangs_up(bench: Bench) -> Owned:
    owned = _answered(bench)
    owned.call.hang_up()
    bench.receive(answer(bench.request(), 200))
    return owned


def _is_hung_up_on(bench: Bench) -> Owned:
    owned = _answered(bench, session_expires="90;refresher=uas", supported="timer")
    bench.receive(within(owned, "BYE"))
    return owned


def _is_refused(bench: Bench) -> Owned:
    owned = _taken(bench, require="100rel")
    owned.call.ring()
    owned.call.reject(486)
    return owned


def _is_cancelled(bench: Bench) -> Owned:
    bench.receive(invite(call_id=f"c{bench.now}", branch=f"b{bench.now}"))
    owned = bench.incoming.pop()
    owned.call.ring()
    bench.receive(request("CANCEL", call_id=f"c{bench.now}", branch=f"b{bench.now}"))
    return owned


def _is_never_acknowledged(bench: Bench) -> Owned:
    owned = _taken(bench)
    owned.call.answer(ANSWER)
    return owned


def _dials_and_hangs_up(bench: Bench) -> Owned:
    owned = _dialled(bench)
    owned.call.hang_up()
    bye = bench.request()
    bench.receive(answer(bye, 401, www_authenticate='Digest realm="r", nonce="n", qop="auth"'))
    bench.receive(answer(bench.request(), 200))
    return owned


def _dials_and_is_answered_twice(bench: Bench) -> Owned:
    owned = _dialled(bench)
    bench.receive(answer(bench.request(last="INVITE"), 200, tag="another", body=ANSWER))
    bench.receive(within(owned, "BYE", **_by(owned)))
    return owned


def _dials_and_is_refused(bench: Bench) -> Owned:
    owned = bench.dial(call_id=f"c{bench.now}")
    bench.receive(answer(bench.request(), 486))
    return owned


def _dials_and_cancels(bench: Bench) -> Owned:
    owned = bench.dial(call_id=f"c{bench.now}")
    asked = bench.request()
    bench.receive(answer(asked, 180, require="100rel", rseq="1"))
    owned.call.cancel()
    bench.receive(answer(asked, 487))
    return owned


def _dials_and_is_held_before_it_is_answered(bench: Bench) -> Owned:
    owned = bench.dial(call_id=f"c{bench.now}")
    asked, early = bench.request(), {"require": "100rel", "allow": "UPDATE"}
    bench.receive(answer(asked, 183, body=ANSWER, rseq="1", **early))
    owned.call.reoffer(lambda: OFFER, lambda _: None)
    bench.receive(answer(bench.request(last="UPDATE"), 500))
    bench.receive(answer(asked, 200, body=ANSWER))
    bench.receive(within(owned, "BYE", **_by(owned)))
    return owned


def _dials_nobody(bench: Bench) -> Owned:
    return bench.dial(call_id=f"c{bench.now}", ways=[(bench.agent, ("192.0.2.8", 5060))])


def _refreshes_until_nobody_is_there(bench: Bench) -> Owned:
    return _dialled(bench, session_expires="90;refresher=uac", allow="INVITE, UPDATE")


def _is_in_glare_when_it_ends(bench: Bench) -> Owned:
    owned = _dialled(bench, session_expires="90;refresher=uac", allow="INVITE")
    bench.pass_s(45)
    bench.receive(answer(bench.request(last="INVITE"), 491))
    owned.call.hang_up()
    return owned


def _is_held(bench: Bench) -> Owned:
    owned = _answered(bench)
    owned.call.on_event = lambda event: owned.call.answer_reoffer(ANSWER)
    bench.receive(within(owned, "INVITE", 2, body=OFFER))
    bench.receive(within(owned, "ACK", 2))
    owned.call.reoffer(lambda: OFFER, lambda _: None)
    owned.call.hang_up()
    owned.call.reoffer(lambda: OFFER, lambda _: None)
    owned.call.refer("sip:300@192.0.2.9")
    return owned


def _transfers(bench: Bench) -> Owned:
    owned = _answered(bench)
    owned.call.refer("sip:300@192.0.2.9")
    bench.receive(answer(bench.request(), 202))
    bench.receive(within(owned, "BYE"))
    return owned


def _is_transferred(bench: Bench) -> Owned:
    owned = _answered(bench)

    def asked(referral) -> int:
        bench.agent.wire.after(1, lambda: referral.tell(200, "OK", owned.call.hang_up))
        return 202

    owned.call.on_refer = asked
    bench.receive(within(owned, "REFER", 2, refer_to="<sip:300@192.0.2.9>"))
    bench.receive(answer(bench.request(), 200))
    return owned


KINDS = [
    _hangs_up, _is_hung_up_on, _is_refused, _is_cancelled, _is_never_acknowledged, _dials_and_hangs_up, _dials_and_is_refused,
    _dials_and_is_answered_twice, _dials_and_cancels, _dials_and_is_held_before_it_is_answered, _dials_nobody,
    _refreshes_until_nobody_is_there, _is_in_glare_when_it_ends, _is_held, _transfers, _is_transferred,
]  # fmt: skip


def _ours(things: list[object]) -> list[str]:
    """Of objects those that are ours, functions included, by name."""
    named = (thing if isinstance(thing, FunctionType | MethodType) else type(thing) for thing in things)
    return [f"{one.__module__}.{one.__qualname__}" for one in named if str(one.__module__).startswith("callwright.")]


@pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__.strip("_") for kind in KINDS])
def test_nothing_is_left_of_a_call(kind: Callable[[Bench], Owned]) -> None:
    bench = Bench()
    states = []
    for _ in range(CALLS):
        owned = kind(bench)
        bench.pass_s(2000)
        states.append(owned.call.state)
        del owned
    bench.sent.clear()
    assert bench.at_rest and states == ["ended"] * CALLS
    assert not [thing for thing in gc.get_objects() if type(thing) is SipCall]
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    gc.set_debug(0)
    garbage, gc.garbage[:] = _ours(gc.garbage), []
    assert not garbage
