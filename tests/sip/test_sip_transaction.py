"""Every timer of RFC 3261 §17 and RFC 6026, with a clock turned by hand."""

import pytest
from sip_bench import ANSWER, Bench, Owned, answer, invite, request, within

from callwright.sip.events import Ended, Rejected, Ringing

pytestmark = pytest.mark.pure


def _confirmed(bench: Bench) -> Owned:
    bench.receive(invite())
    owned = bench.incoming[-1]
    owned.call.answer(ANSWER)
    bench.receive(within(owned, "ACK", 1))
    return owned


class TestClientInvite:
    def test_timer_a_repeats_and_doubles_and_timer_b_gives_up(self) -> None:
        bench = Bench()
        owned = bench.dial()
        assert [sent.what for sent in bench.sent] == ["INVITE"]
        assert [at for at, what in bench.at(40) if what == "INVITE"] == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
        assert owned.events == [Rejected(408, "No answer", heard=False)]
        assert bench.at_rest

    def test_retransmissions_are_the_same_bytes(self) -> None:
        bench = Bench()
        bench.dial()
        bench.pass_s(4)
        assert len({sent.data for sent in bench.sent}) == 1

    def test_a_provisional_answer_stops_the_repeating(self) -> None:
        bench = Bench()
        owned = bench.dial()
        bench.receive(answer(bench.request(), 180))
        assert bench.pass_s(100) == []
        assert owned.events == [Ringing(180)]

    def test_a_100_is_not_told(self) -> None:
        bench = Bench()
        owned = bench.dial()
        bench.receive(answer(bench.request(), 100, tag=""))
        assert bench.pass_s(40) == [] and owned.events == []

    def test_a_refusal_is_acknowledged_each_time_it_comes_until_timer_d(self) -> None:
        bench = Bench()
        owned = bench.dial()
        sent = bench.request()
        refusal = answer(sent, 486, tag="busy")
        assert bench.receive(refusal) == ["ACK"]
        ack = bench.request()
        assert ack.headers.get("via") == sent.headers.get("via")
        assert ack.headers.get("to") == "<sip:200@192.0.2.7>;tag=busy"
        assert ack.headers.get("cseq") == "1 ACK"
        assert ack.uri == sent.uri
        assert owned.events == [Rejected(486, "Whatever")]
        bench.pass_s(31)
        assert bench.receive(refusal) == ["ACK"]
        bench.pass_s(1.1)
        assert bench.receive(refusal) == []
        assert len(owned.events) == 1 and bench.at_rest

    def test_a_407_is_acknowledged_and_told(self) -> None:
        bench = Bench()
        owned = bench.dial()
        assert bench.receive(answer(bench.request(), 407)) == ["ACK"]
        assert owned.events == [Rejected(407, "Whatever")]

    def test_a_2xx_that_comes_again_is_acknowledged_by_the_dialog_until_timer_m(self) -> None:
        bench = Bench()
        bench.dial()
        accepted = answer(bench.request(), 200, body=ANSWER)
        assert bench.receive(accepted) == ["ACK"]
        first = bench.sent[-1].data
        bench.pass_s(31)
        assert bench.receive(accepted) == ["ACK"]
        assert bench.sent[-1].data == first
        bench.pass_s(1.1)
        assert bench.receive(accepted) == []

    def test_the_first_final_answer_counts(self) -> None:
        bench = Bench()
        owned = bench.dial()
        sent = bench.request()
        bench.receive(answer(sent, 486))
        assert bench.receive(answer(sent, 200, body=ANSWER)) == []
        assert bench.receive(answer(sent, 180)) == []
        assert owned.events == [Rejected(486, "Whatever")]

    def test_an_answer_to_something_else_is_dropped(self) -> None:
        bench = Bench()
        owned = bench.dial()
        stray = bench.request()
        stray.headers.set("via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKother")
        assert bench.receive(answer(stray, 200)) == []
        wrong_method = answer(bench.request(), 200)
        wrong_method.headers.set("cseq", "1 BYE")
        assert bench.receive(wrong_method) == []
        assert owned.events == []


class TestClientNonInvite:
    def _bye(self) -> Bench:
        bench = Bench()
        _confirmed(bench).call.hang_up()
        return bench

    def test_timer_e_repeats_up_to_t2_and_timer_f_gives_up(self) -> None:
        bench = self._bye()
        assert bench.sent[-1].what == "BYE"
        times = [at for at, what in bench.at(40) if what == "BYE"]
        assert times == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
        bench.pass_s(40)
        assert bench.at_rest

    def test_a_provisional_answer_slows_it_to_t2(self) -> None:
        bench = self._bye()
        bench.receive(answer(bench.request(), 100))
        times = [at for at, what in bench.at(40) if what == "BYE"]
        assert times == [0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5]

    def test_the_answer_ends_it_and_timer_k_absorbs_repeats(self) -> None:
        bench = self._bye()
        ok = answer(bench.request(), 200)
        bench.receive(ok)
        assert bench.receive(ok) == [] and bench.pass_s(4.9) == []
        # The INVITE's transaction lingers (timer L), the BYE's does not.
        bench.pass_s(0.2)
        assert len(bench.agent.transactions) == 1

    @pytest.mark.parametrize("status", [481, 408, 500])
    def test_a_refused_bye_ends_the_call_all_the_same(self, status: int) -> None:
        bench = self._bye()
        bench.receive(answer(bench.request(), status))
        assert bench.agent.calls == 0


class TestServerInvite:
    def test_100_at_once_and_again_for_each_repeat(self) -> None:
        bench = Bench()
        received = invite()
        assert bench.receive(received) == ["100 INVITE"]
        assert bench.receive(received) == ["100 INVITE"]
        bench.incoming[0].call.ring()
        assert bench.receive(received) == ["180 INVITE"]
        assert len(bench.incoming) == 1
        tags = {sent.message.to_tag for sent in bench.sent if not sent.what.startswith("100")}  # type: ignore[union-attr]
        assert tags == {bench.incoming[0].call.tag}

    def test_timer_g_repeats_a_refusal_and_timer_h_gives_up(self) -> None:
        bench = Bench()
        bench.receive(invite())
        bench.incoming[0].call.reject(486)
        times = [at for at, what in bench.at(40) if what == "486 INVITE"]
        assert times == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
        assert bench.at_rest

    def test_the_ack_stops_it_and_timer_i_absorbs_repeats(self) -> None:
        bench = Bench()
        received = invite(branch="one")
        bench.receive(received)
        owned = bench.incoming[0]
        owned.call.reject(486, "Not now")
        assert bench.response().reason == "Not now"
        assert bench.receive(received) == ["486 INVITE"]
        ack = request("ACK", branch="one", to_tag=owned.call.tag)
        assert bench.receive(ack) == [] and bench.receive(ack) == []
        assert bench.pass_s(4.9) == []
        assert bench.receive(received) == []  # Absorbed: no second call.
        assert len(bench.incoming) == 1
        bench.pass_s(0.2)
        assert bench.at_rest

    def test_timer_l_absorbs_the_invite_that_comes_again_after_the_2xx(self) -> None:
        bench = Bench()
        received = invite()
        bench.receive(received)
        owned = bench.incoming[0]
        owned.call.answer(ANSWER)
        assert bench.receive(received) == []
        bench.receive(within(owned, "ACK", 1))
        bench.pass_s(31)
        assert bench.receive(received) == []
        assert len(bench.incoming) == 1


class TestServerNonInvite:
    def test_timer_j_repeats_the_answer(self) -> None:
        bench = Bench()
        owned = _confirmed(bench)
        bye = within(owned, "BYE")
        assert bench.receive(bye) == ["200 BYE"]
        assert bench.receive(bye) == ["200 BYE"]
        assert owned.events[1:] == [Ended("remote", "BYE")]
        bench.pass_s(31.9)
        assert bench.receive(bye) == ["200 BYE"]
        bench.pass_s(0.2)
        assert bench.receive(bye) == ["481 BYE"]


def test_a_peer_of_rfc_2543_has_no_unique_branch() -> None:
    bench = Bench()
    old = "SIP/2.0/UDP 192.0.2.7:5060"
    first = invite(via=old, call_id="a")
    assert bench.receive(first) == ["100 INVITE"] == bench.receive(first)
    assert bench.receive(invite(via=old, call_id="b")) == ["100 INVITE"]
    assert [owned.call.call_id for owned in bench.incoming] == ["a", "b"]


def test_what_lingers_holds_nothing_of_the_call() -> None:
    """A transaction stays for 32 s after its call; the call's owner must not."""
    import gc
    import weakref

    class Owner:
        def told(self, _: object) -> None: ...

    bench = Bench()
    owned = _confirmed(bench)
    owner = Owner()
    owned.call.on_event = owner.told
    gone = weakref.ref(owner)
    bench.receive(within(owned, "BYE"))
    del owner
    gc.collect()
    assert len(bench.agent.transactions) == 2
    assert gone() is None


def test_the_heap_is_swept() -> None:
    bench = Bench()
    timers = bench.agent.wire.timers
    for _ in range(10_000):
        timers.at(bench.now + 300, lambda: None).cancel()
    assert len(timers) == 0
    assert len(timers._heap) < 2_500


def test_timers_come_due_in_order_and_once() -> None:
    bench = Bench()
    timers = bench.agent.wire.timers
    ran: list[str] = []
    timers.at(1002.0, lambda: ran.append("later"))
    timers.at(1001.0, lambda: ran.append("first"))
    second = timers.at(1001.0, lambda: ran.append("second"))
    timers.at(1001.5, lambda: ran.append("cancelled")).cancel()
    timers.run(1001.0)
    assert ran == ["first", "second"]
    second.cancel()  # Too late, and harmless.
    timers.run(1010.0)
    assert ran == ["first", "second", "later"]
    assert timers.next_due is None and len(timers) == 0


def test_what_is_sent_again_is_counted():
    """Ours, as long as no answer comes; an answer, when the same is asked again; and none of it where nothing is lost."""
    bench = Bench()
    owned = bench.dial()
    repeated = bench.agent.wire.repeated
    assert bench.pass_s(4) == ["INVITE"] * 3 and repeated == {"request": 3}
    bench.receive(answer(bench.request(), 486))
    assert repeated == {"request": 3}
    bench.receive(answer(bench.request(last="INVITE"), 486))
    assert repeated == {"request": 4}, "the ACK"
    assert isinstance(owned.events[-1], Rejected)
    asked = invite()
    bench.receive(asked)
    assert repeated == {"request": 4}
    bench.receive(asked)
    assert repeated == {"request": 4, "response": 1}, "its 100"
    bench.incoming[-1].call.answer(ANSWER)
    assert bench.pass_s(0.6) == ["200 INVITE"] and repeated["response"] == 2
