"""Re-INVITEs of ours: what we want changed within a call (RFC 3261 §14.1), refused, crossed and superseded."""

import pytest
from sip_bench import ANSWER, OFFER, Bench, Owned, answer, invite, request, within

from callwright.sip.changes import ANSWER_S_MAX
from callwright.sip.events import Answered, Ended, Reoffered, Ringing
from callwright.sip.session_timer import GLARE_MAX

pytestmark = pytest.mark.pure

HELD = ANSWER + "a=sendonly\r\n"
RESUMED = ANSWER + "a=sendrecv\r\n"
MOVED = ANSWER.replace("4000", "4002")


class Wish:
    """What the owner wants the peer to know, and what came of it."""

    def __init__(self, description: str = HELD) -> None:
        self.description = description
        self.answers: list[str] = []

    def describe(self) -> str:
        return self.description

    def answered(self, answer: str) -> None:
        self.description = ""
        self.answers.append(answer)


def _dialled(**headers: str) -> tuple[Bench, Owned]:
    bench = Bench()
    owned = bench.dial()
    bench.receive(answer(bench.request(), 200, body=ANSWER, **headers))
    owned.events.clear()
    return bench, owned


def _theirs(owned: Owned, method: str, number: int = 1, **options: str):
    return request(method, call_id="ours", number=number, from_tag="theirs", to_tag=owned.call.tag, **options)


def test_it_is_asked_and_answered() -> None:
    bench, owned = _dialled()
    wish = Wish()
    owned.call.reoffer(wish.describe, wish.answered)
    asked = bench.request()
    assert (asked.method, asked.body, asked.to_tag) == ("INVITE", HELD, "theirs")
    assert not asked.headers.get("session-expires"), "none was agreed on"
    ok = answer(asked, 200, body=ANSWER)
    assert bench.receive(ok) == ["ACK"] and bench.receive(ok) == ["ACK"]
    assert wish.answers == [ANSWER] and owned.events == [] and owned.call.description == HELD
    assert bench.pass_s(60) == []


def test_a_call_that_came_is_told_after_its_ack() -> None:
    bench = Bench()
    bench.receive(invite())
    owned, wish = bench.incoming[-1], Wish()
    owned.call.reoffer(wish.describe, wish.answered)
    owned.call.answer(ANSWER)
    assert bench.sent[-1].what == "200 INVITE"
    assert bench.receive(within(owned, "ACK", 1)) == ["INVITE"]
    assert bench.request().body == HELD


@pytest.mark.parametrize(("agreed", "who"), [("uac", "uac"), ("uas", "uas")])
def test_the_session_timer_goes_on_as_it_was(agreed: str, who: str) -> None:
    bench, owned = _dialled(session_expires=f"200;refresher={agreed}", allow="INVITE")
    wish = Wish()
    bench.pass_s(50)
    owned.call.reoffer(wish.describe, wish.answered)
    assert bench.request().headers.get("session-expires") == f"200;refresher={who}"
    bench.receive(answer(bench.request(), 200, body=ANSWER, session_expires=f"200;refresher={agreed}"))
    if agreed == "uac":
        assert bench.at(100)[0] == (100.0, "INVITE") and bench.request().body == HELD, "what it knows of us"
    else:
        assert bench.pass_s(167) == [] and bench.pass_s(1.2) == ["BYE"]


@pytest.mark.parametrize("status", [488, 415, 603])
def test_a_peer_that_refuses(status: int) -> None:
    bench, owned = _dialled()
    wish = Wish()
    owned.call.reoffer(wish.describe, wish.answered)
    assert bench.receive(answer(bench.request(), status)) == ["ACK"]
    assert wish.answers == [""] and owned.call.state == "confirmed" and owned.call.description == OFFER
    assert bench.pass_s(60) == []


@pytest.mark.parametrize("status", [491, 500, 503])
def test_a_peer_that_cannot_now(status: int) -> None:
    bench, owned = _dialled()
    wish = Wish()
    owned.call.reoffer(wish.describe, wish.answered)
    assert bench.receive(answer(bench.request(), status)) == ["ACK"]
    assert bench.receive(_theirs(owned, "INVITE", body=OFFER)) == [], "theirs may come meanwhile"
    owned.call.answer_reoffer(ANSWER)
    assert bench.sent[-1].what == "200 INVITE"
    bench.receive(_theirs(owned, "ACK", 1))
    assert (3.05, "INVITE") in bench.at(4)
    bench.receive(answer(bench.request(), 200, body=ANSWER))
    assert wish.answers == [ANSWER]


def test_a_peer_that_never_can() -> None:
    bench, owned = _dialled()
    wish, asked = Wish(), 0
    owned.call.reoffer(wish.describe, wish.answered)
    while not wish.answers and asked < 100:
        asked += 1
        bench.receive(answer(bench.request(last="INVITE"), 491))
        bench.pass_s(3.1)
    assert asked == GLARE_MAX + 1 and wish.answers == [""] and owned.call.state == "confirmed"


def test_theirs_is_refused_while_ours_is_under_way() -> None:
    bench, owned = _dialled()
    wish = Wish()
    owned.call.reoffer(wish.describe, wish.answered)
    assert bench.receive(_theirs(owned, "INVITE", body=OFFER)) == ["491 INVITE"]


def test_what_changes_twice_meanwhile_is_asked_once_more_or_not_at_all() -> None:
    bench, owned = _dialled()
    wish = Wish()
    owned.call.reoffer(wish.describe, wish.answered)
    first = bench.request()
    again = Wish(OFFER)
    owned.call.reoffer(again.describe, again.answered)
    assert bench.receive(answer(first, 200, body=ANSWER)) == ["ACK"], "which the newer wish is content with"
    other = Wish()
    owned.call.reoffer(other.describe, other.answered)
    bench.receive(answer(bench.request(), 491))
    other.description = ""
    assert bench.pass_s(60) == []


@pytest.mark.parametrize("status", [408, 481])
def test_a_peer_that_has_gone(status: int) -> None:
    bench, owned = _dialled()
    wish = Wish()
    owned.call.reoffer(wish.describe, wish.answered)
    assert bench.receive(answer(bench.request(), status)) == ["ACK", "BYE"]
    assert owned.events == [Ended("failure", "the far end has gone")] and wish.answers == []


@pytest.mark.parametrize("pausing", [False, True])
def test_nothing_is_left_of_a_call_that_ended_meanwhile(pausing: bool) -> None:
    bench, owned = _dialled()
    wish = Wish()
    owned.call.reoffer(wish.describe, wish.answered)
    asked = bench.request()
    if pausing:
        bench.receive(answer(asked, 491))
    owned.call.hang_up()
    if not pausing:
        assert bench.receive(answer(asked, 200, body=ANSWER)) == ["ACK"]
    bench.receive(answer(bench.request(last="BYE"), 200))
    bench.pass_s(70)
    assert bench.at_rest and wish.answers == []


def test_a_peer_that_only_says_that_it_is_trying_is_waited_for_no_longer_than_that() -> None:
    """And its own offers are welcome again."""
    bench, owned = _dialled()
    wish = Wish()
    owned.call.reoffer(wish.describe, wish.answered)
    bench.receive(answer(bench.request(), 100))
    bench.pass_s(ANSWER_S_MAX - 1)
    assert wish.answers == [] and bench.receive(_theirs(owned, "INVITE", body=OFFER)) == ["491 INVITE"]
    bench.pass_s(2)
    assert wish.answers == [""] and owned.events == []
    bench.receive(_theirs(owned, "INVITE", 2, body=OFFER))
    assert owned.events == [Reoffered(OFFER)]


class Rung:
    """A call of ours whose far end described its early media and has not answered."""

    def __init__(self, *, allow: str = "INVITE, UPDATE", body: str = ANSWER, tag: str = "theirs") -> None:
        self.bench = Bench()
        self.owned = self.bench.dial()
        self.invited = self.bench.request()
        self.describes(allow=allow, body=body, tag=tag)

    def describes(self, number: int = 1, *, allow: str = "INVITE, UPDATE", body: str = ANSWER, tag: str = "theirs"):
        """Somebody's reliable answer, and that our PRACK came there."""
        told = {"require": "100rel", "rseq": str(number), "contact": "<sip:200@192.0.2.9>", "allow": allow}
        assert "PRACK" in self.bench.receive(answer(self.invited, 183, body=body, tag=tag, **told))
        self.bench.receive(answer(self.bench.request(last="PRACK"), 200))

    def wants(self, description: str = HELD) -> Wish:
        wish = Wish(description)
        self.owned.call.reoffer(wish.describe, wish.answered)
        return wish

    def asked(self):
        assert self.bench.sent[-1].what == "UPDATE"
        return self.bench.request(last="UPDATE")

    def answered(self, tag: str = "theirs", body: str = ANSWER) -> list[str]:
        return self.bench.receive(answer(self.invited, 200, body=body, tag=tag))


class TestBeforeItIsAnswered:
    """By UPDATE (RFC 3311 §5.1), and by re-INVITE as soon as it is where that cannot be."""

    def test_it_is_asked_by_update_and_not_again(self) -> None:
        rung = Rung()
        wish = rung.wants()
        asked = rung.asked()
        assert (asked.body, asked.to_tag, asked.headers.get("cseq")) == (HELD, "theirs", "3 UPDATE")
        assert asked.uri == "sip:200@192.0.2.9" and asked.headers.get("content-type") == "application/sdp"
        rung.bench.receive(answer(asked, 200, body=ANSWER, contact="<sip:200@192.0.2.10>"))
        assert wish.answers == [ANSWER]
        resumed = rung.wants(RESUMED)
        assert rung.asked().uri == "sip:200@192.0.2.10" and rung.asked().body == RESUMED
        rung.bench.receive(answer(rung.asked(), 200, body=ANSWER))
        assert resumed.answers == [ANSWER]
        assert rung.answered() == ["ACK"] and rung.owned.call.description == RESUMED and rung.bench.pass_s(60) == []

    @pytest.mark.parametrize("options", [{"allow": "INVITE"}, {"allow": ""}, {"body": ""}])
    def test_a_far_end_that_cannot_be_asked_yet(self, options: dict[str, str]) -> None:
        rung = Rung(**options)
        wish = rung.wants()
        assert rung.bench.sent[-1].what == "PRACK" and rung.bench.pass_s(10) == []
        assert rung.answered() == ["ACK", "INVITE"] and rung.bench.request().body == HELD
        rung.bench.receive(answer(rung.bench.request(), 200, body=ANSWER))
        assert wish.answers == [ANSWER]

    @pytest.mark.parametrize("status", [488, 491, 500, 504, 481, 408, None])
    def test_who_refuses_it_is_asked_once_it_has_answered(self, status: int | None) -> None:
        rung = Rung()
        wish = rung.wants()
        if status:
            rung.bench.receive(answer(rung.asked(), status))
        else:
            rung.bench.pass_s(33)
        assert wish.answers == [] and rung.owned.call.state == "calling" and rung.owned.call.description == OFFER
        rung.wants()
        assert rung.bench.pass_s(1) == [], "once is enough"
        assert rung.answered() == ["ACK", "INVITE"] and rung.bench.request().body == HELD

    def test_what_is_not_wanted_any_more_by_then(self) -> None:
        rung = Rung(allow="INVITE")
        rung.wants().description = ""
        assert rung.answered() == ["ACK"] and rung.bench.pass_s(60) == []

    @pytest.mark.parametrize("says_again", ["", ANSWER])
    def test_where_the_far_end_went_by_its_answer_to_it(self, says_again: str) -> None:
        """Whatever answers the INVITE then says of the first offer is older."""
        rung = Rung()
        rung.wants()
        rung.bench.receive(answer(rung.asked(), 200, body=MOVED))
        rung.describes(2, body=says_again)
        assert rung.owned.events[-1] == Ringing(183)
        assert rung.answered(body=says_again) == ["ACK"] and rung.owned.events[-1] == Answered(MOVED)

    def test_an_answer_that_crosses_it(self) -> None:
        rung = Rung()
        wish = rung.wants()
        asked = rung.asked()
        assert rung.answered() == ["ACK"]
        assert rung.bench.receive(_theirs(rung.owned, "INVITE", body=OFFER)) == ["491 INVITE"]
        rung.bench.receive(answer(asked, 200, body=ANSWER))
        assert wish.answers == [ANSWER] and rung.owned.call.description == HELD

    def test_theirs_is_refused_while_ours_is_under_way(self) -> None:
        rung = Rung()
        rung.wants()
        assert rung.bench.receive(_theirs(rung.owned, "UPDATE", body=OFFER)) == ["491 UPDATE"]

    @pytest.mark.parametrize("by_us", [True, False])
    @pytest.mark.parametrize(("tag", "has"), [("one", HELD), ("two", OFFER)])
    def test_what_whoever_answers_has_of_us(self, by_us: bool, tag: str, has: str) -> None:
        """One branch got another description by UPDATE; all others have what our INVITE said."""
        rung = Rung(tag="one")
        if by_us:
            rung.wants()
            rung.bench.receive(answer(rung.asked(), 200, body=ANSWER))
        else:
            tags = {"from_tag": "one", "to_tag": rung.owned.call.tag}
            rung.bench.receive(request("UPDATE", call_id="ours", body=ANSWER, **tags))
            rung.owned.call.answer_reoffer(HELD)
        rung.answered(tag=tag)
        assert rung.owned.call.description == has

    def test_another_one_rings_while_one_is_asked(self) -> None:
        """What that one agrees to is known, and that it is over is told to it once it answers."""
        rung = Rung(tag="one")
        wish = rung.wants()
        asked = rung.asked()
        rung.describes(tag="two")
        assert rung.bench.receive(answer(asked, 200, body=MOVED)) == [] and wish.answers == [MOVED]
        rung.wants(RESUMED)
        assert rung.bench.pass_s(5) == []
        assert rung.answered(tag="one", body="") == ["ACK", "INVITE"] and rung.bench.request().body == RESUMED
        assert rung.owned.events[-1] == Answered(MOVED) and rung.owned.call.description == HELD

    def test_another_branch_than_is_asked_answers(self) -> None:
        rung = Rung(tag="one")
        wish = rung.wants()
        asked = rung.asked()
        assert rung.answered(tag="two") == ["ACK", "INVITE"] and rung.bench.request().to_tag == "two"
        rung.bench.receive(answer(asked, 200, body=ANSWER))
        assert wish.answers == [] and rung.owned.call.description == OFFER
        rung.bench.receive(answer(rung.bench.request(last="INVITE"), 200, body=ANSWER))
        assert wish.answers == [ANSWER]

    def test_who_rings_in_two_places_is_asked_in_none(self) -> None:
        rung = Rung(tag="one")
        rung.describes(tag="two")
        rung.wants()
        assert rung.bench.pass_s(5) == []
        assert rung.answered(tag="two") == ["ACK", "INVITE"]

    def test_nothing_is_left_of_a_call_that_is_given_up_meanwhile(self) -> None:
        rung = Rung()
        rung.wants()
        asked = rung.asked()
        rung.owned.call.hang_up()
        rung.bench.receive(answer(asked, 200, body=ANSWER))
        rung.bench.receive(answer(rung.bench.request(last="CANCEL"), 200))
        rung.bench.receive(answer(rung.invited, 487))
        rung.bench.pass_s(70)
        assert rung.bench.at_rest
