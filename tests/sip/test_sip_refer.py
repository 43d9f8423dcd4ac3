"""Transfers by REFER and Replaces: asked of a peer and asked by one, and every way in which nothing comes of them."""

import pytest
from sip_bench import ANSWER, OFFER, Bench, Owned, answer, invite, request, within

from callwright.sip.events import Confirmed, Ended, Referred
from callwright.sip.message import Request
from callwright.sip.refer import REFER_S_MAX, Referral
from callwright.sip.replaces import Replaces, replaces

pytestmark = pytest.mark.pure


def told() -> None: ...


PLACE = "<sip:300@192.0.2.9:5080>"


def _taken(**options) -> tuple[Bench, Owned]:
    """A call of the peer's."""
    bench = Bench()
    bench.receive(invite(**options))
    owned = bench.incoming[-1]
    owned.call.answer(ANSWER)
    bench.receive(within(owned, "ACK", 1))
    owned.events.clear()
    return bench, owned


def _made(bench: Bench, call_id: str = "ours", **of_answer: str) -> Owned:
    """A call of ours."""
    owned = bench.dial(call_id=call_id)
    bench.receive(answer(bench.request(), 200, body=ANSWER, **of_answer))
    owned.events.clear()
    return owned


def _notify(owned: Owned, number: int, line: str, state: str = "active;expires=60", **headers: str) -> Request:
    headers = {"event": "refer", "subscription_state": state, "content_type": "message/sipfrag;version=2.0"} | headers
    tag = owned.call.dialog.remote_tag
    return request(
        "NOTIFY", call_id=owned.call.call_id, number=number, from_tag=tag, to_tag=owned.call.tag, body=line, **headers
    )


class TestWeAsk:
    def _asked(self) -> tuple[Bench, Owned, Request]:
        bench, owned = _taken()
        owned.call.refer("sip:300@192.0.2.9")
        return bench, owned, bench.request(last="REFER")

    def test_the_request(self) -> None:
        _, owned, refer = self._asked()
        assert refer.headers.get("refer-to") == "<sip:300@192.0.2.9>"
        assert refer.headers.get("referred-by") == "<sip:100@192.0.2.1>"
        assert refer.headers.get("contact") and refer.uri == "sip:200@192.0.2.7:5070"
        assert refer.headers.get("to").endswith("tag=peer") and refer.from_tag == owned.call.tag

    @pytest.mark.parametrize("early", [False, True])
    def test_it_is_told_what_came_of_it(self, early: bool) -> None:
        """Also where the first NOTIFY comes before the 202 (RFC 3515 §2.4.4)."""
        bench, owned, refer = self._asked()
        if not early:
            bench.receive(answer(refer, 202))
        assert bench.receive(_notify(owned, 2, "SIP/2.0 100 Trying")) == ["200 NOTIFY"]
        bench.receive(answer(refer, 202))
        assert bench.receive(_notify(owned, 3, "SIP/2.0 180 Ringing\r\n")) == ["200 NOTIFY"]
        assert owned.events == []
        last = _notify(owned, 4, "SIP/2.0 200 OK\r\n", "terminated;reason=noresource")
        assert bench.receive(last) == ["200 NOTIFY"]
        assert bench.receive(_notify(owned, 5, "SIP/2.0 200 OK")) == ["481 NOTIFY"], "the subscription is over"
        assert owned.events == [Referred(200, "OK")] and owned.call.state == "confirmed"
        owned.call.hang_up()
        bench.receive(answer(bench.request(last="BYE"), 200))
        bench.pass_s(40)
        assert bench.at_rest

    @pytest.mark.parametrize("status", [403, 405, 501, 603])
    def test_it_is_refused(self, status: int) -> None:
        bench, owned, refer = self._asked()
        bench.receive(answer(refer, status))
        assert owned.events == [Referred(status, "Whatever", tried=False)] and owned.call.state == "confirmed"

    def test_the_other_does_not_answer(self) -> None:
        bench, owned, refer = self._asked()
        bench.receive(answer(refer, 202))
        bench.receive(_notify(owned, 2, "SIP/2.0 486 Busy \x07Here", "terminated;reason=noresource"))
        assert owned.events == [Referred(486, "Busy ?Here")]

    def test_a_subscription_that_ends_without_a_word(self) -> None:
        bench, owned, refer = self._asked()
        bench.receive(answer(refer, 202))
        bench.receive(_notify(owned, 2, "SIP/2.0 180 Ringing", "Terminated ; reason=timeout"))
        assert owned.events == [Referred(480, "the far end tells no more of it")]

    def test_nothing_comes(self) -> None:
        bench, owned, refer = self._asked()
        bench.receive(answer(refer, 202))
        bench.pass_s(REFER_S_MAX + 1)
        assert owned.events == [Referred(408, "nothing came of it")]
        bench, owned, _ = self._asked()
        bench.pass_s(40)
        assert owned.events == [Referred(408, "No answer", tried=False)], "not even an answer"

    def test_a_peer_that_will_tell_nothing(self) -> None:
        """RFC 4488."""
        bench, owned, refer = self._asked()
        bench.receive(answer(refer, 202, refer_sub="false"))
        assert owned.events == [Referred(202, "Whatever")]

    def test_the_call_ends_meanwhile(self) -> None:
        bench, owned, refer = self._asked()
        bench.receive(answer(refer, 202))
        bench.receive(within(owned, "BYE"))
        bench.pass_s(REFER_S_MAX + 1)
        assert owned.events == [Ended("remote", "BYE")] and bench.at_rest

    def test_one_at_a_time(self) -> None:
        bench, owned, _ = self._asked()
        owned.call.refer("sip:400@192.0.2.9")
        assert owned.events == [Referred(491, "another transfer is under way", tried=False)]
        assert [sent.what for sent in bench.sent].count("REFER") == 1

    @pytest.mark.parametrize(
        ("wrong", "status"),
        [
            ({"event": "presence"}, 489),
            ({"event": "refer;id=77"}, 481),
            ({"content_type": "application/sdp"}, 415),
        ],
    )
    def test_a_notify_of_something_else(self, wrong: dict[str, str], status: int) -> None:
        bench, owned, refer = self._asked()
        bench.receive(answer(refer, 202))
        assert bench.receive(_notify(owned, 2, "SIP/2.0 200 OK", **wrong)) == [f"{status} NOTIFY"]
        named = {"event": f"refer;id={refer.sequence}"}
        assert bench.receive(_notify(owned, 3, "SIP/2.0 200 OK", **named)) == ["200 NOTIFY"]
        assert owned.events == [Referred(200, "OK")]

    def test_it_waits_until_the_call_is_confirmed(self) -> None:
        bench = Bench()
        bench.receive(invite())
        owned = bench.incoming[-1]
        owned.call.answer(ANSWER)
        owned.call.refer("sip:300@192.0.2.9")
        assert bench.sent[-1].what == "200 INVITE"
        assert bench.receive(within(owned, "ACK", 1)) == ["REFER"]

    def test_two_calls_of_ours_are_joined_without_us(self) -> None:
        """RFC 3891: the dialog is named as the far end sees it, by its own tag as `to-tag`."""
        bench, owned = _taken()
        far_end = _made(bench)
        owned.call.refer(far_end.call.dialog.target, far_end.call)
        target, _, escaped = bench.request(last="REFER").headers.get("refer-to")[1:-1].partition("?Replaces=")
        assert target == "sip:200@192.0.2.7:5070"
        assert escaped == f"ours%3Bto-tag%3Dtheirs%3Bfrom-tag%3D{far_end.call.tag}"

    def test_what_a_peer_allows(self) -> None:
        bench, owned = _taken(allow="INVITE, ACK, BYE, REFER")
        assert owned.call.allows("REFER") and not owned.call.allows("UPDATE")
        assert not _made(bench, allow="INVITE, BYE").call.allows("REFER")
        assert _made(bench, "silent").call.allows("REFER"), "one that does not say"


class TestWeAreAsked:
    def _permitting(self, status: int = 202, **options) -> tuple[Bench, Owned, list[Referral]]:
        bench, owned = _taken(**options)
        asked: list[Referral] = []

        def on_refer(referral: Referral) -> int:
            asked.append(referral)
            return status

        owned.call.on_refer = on_refer
        return bench, owned, asked

    def test_it_is_told_what_came_of_it(self) -> None:
        bench, owned, (asked) = self._permitting()
        by = "<sip:200@192.0.2.7>"
        assert bench.receive(within(owned, "REFER", refer_to=PLACE, referred_by=by)) == ["202 REFER", "NOTIFY"]
        assert bench.response(202).headers.get("contact")
        assert [(one.target, one.replaced, one.headers) for one in asked] == [
            ("sip:300@192.0.2.9:5080", None, (("referred-by", by),))
        ]
        first = bench.request()
        assert (first.headers.get("event"), first.body) == ("refer", "SIP/2.0 100 Trying\r\n")
        assert first.headers.get("subscription-state").startswith("active;expires=")
        bench.receive(answer(first, 200))
        asked[0].tell(200, "", told)
        asked[0].tell(486, "only the first counts", told)
        last = bench.request()
        assert (last.body, last.headers.get("subscription-state")) == (
            "SIP/2.0 200 OK\r\n",
            "terminated;reason=noresource",
        )
        bench.receive(answer(last, 200))
        bench.receive(within(owned, "BYE", 3))
        bench.pass_s(40)
        assert bench.at_rest and [sent.what for sent in bench.sent].count("NOTIFY") == 2

    def test_the_last_word_waits_until_the_first_was_heard(self) -> None:
        bench, owned, asked = self._permitting()
        bench.receive(within(owned, "REFER", refer_to=PLACE))
        first = bench.request()
        asked[0].tell(486, "Busy", told)
        assert bench.request().body == first.body
        assert bench.receive(answer(first, 200)) == ["NOTIFY"]
        assert bench.request().body == "SIP/2.0 486 Busy\r\n"

    @pytest.mark.parametrize("status", [200, 481, 0])
    def test_the_owner_knows_when_it_was_heard(self, status: int) -> None:
        """Or will not be: no answer comes."""
        bench, owned, asked = self._permitting()
        bench.receive(within(owned, "REFER", refer_to=PLACE))
        first = bench.request()
        heard: list[float] = []
        asked[0].tell(200, "OK", lambda: heard.append(bench.now))
        bench.receive(answer(first, 200))
        assert not heard
        if status:
            bench.receive(answer(bench.request(), status))
        else:
            bench.pass_s(33)
        assert len(heard) == 1

    def test_who_hangs_up_at_once_is_still_told(self) -> None:
        """RFC 5057 §4.1."""
        bench, owned, asked = self._permitting()
        bench.receive(within(owned, "REFER", refer_to=PLACE))
        bench.receive(answer(bench.request(), 200))
        bench.receive(within(owned, "BYE", 3))
        asked[0].tell(200, "OK", told)
        assert bench.request().body == "SIP/2.0 200 OK\r\n"
        bench.receive(answer(bench.request(), 481))
        bench.pass_s(40)
        assert bench.at_rest

    def test_who_no_longer_listens_is_told_no_more(self) -> None:
        bench, owned, asked = self._permitting()
        bench.receive(within(owned, "REFER", refer_to=PLACE))
        bench.receive(answer(bench.request(), 481))
        asked[0].tell(200, "OK", told)
        assert [sent.what for sent in bench.sent].count("NOTIFY") == 1

    def test_an_owner_that_never_says(self) -> None:
        bench, owned, _ = self._permitting()
        bench.receive(within(owned, "REFER", refer_to=PLACE))
        bench.receive(answer(bench.request(), 200))
        bench.pass_s(REFER_S_MAX + 1)
        assert bench.request().body == "SIP/2.0 408 nothing came of it\r\n"

    def test_no_subscription(self) -> None:
        """RFC 4488."""
        bench, owned, asked = self._permitting()
        refer = within(owned, "REFER", refer_to=PLACE, refer_sub="false", require="norefersub")
        assert bench.receive(refer) == ["202 REFER"]
        assert bench.response().headers.get("refer-sub") == "false"
        asked[0].tell(200, "OK", told)
        assert bench.sent[-1].what == "202 REFER"

    def test_an_owner_that_says_too_late_still_goes_on(self) -> None:
        """What is done when the peer has heard, such as to hang up on it, is done though nobody listens any more."""
        bench, owned, asked = self._permitting()
        bench.receive(within(owned, "REFER", refer_to=PLACE))
        bench.receive(answer(bench.request(), 200))
        bench.pass_s(REFER_S_MAX)
        heard: list[float] = []
        asked[0].tell(200, "OK", lambda: heard.append(bench.now))
        assert not heard, "the NOTIFY before is on its way"
        bench.receive(answer(bench.request(), 200))
        assert len(heard) == 1

    def test_a_second_one(self) -> None:
        bench, owned, asked = self._permitting()
        bench.receive(within(owned, "REFER", refer_to=PLACE))
        bench.receive(answer(bench.request(), 200))
        assert bench.receive(within(owned, "REFER", 3, refer_to=PLACE)) == ["491 REFER"]
        asked[0].tell(404, "Not Found", told)
        bench.receive(answer(bench.request(), 200))
        assert bench.receive(within(owned, "REFER", 4, refer_to=PLACE)) == ["202 REFER", "NOTIFY"]
        assert bench.request().headers.get("event") == "refer;id=4" and len(asked) == 2

    def test_the_owner_refuses(self) -> None:
        bench, owned, _ = self._permitting(403)
        assert bench.receive(within(owned, "REFER", refer_to=PLACE)) == ["403 REFER"]
        assert bench.receive(within(owned, "REFER", 3, refer_to=PLACE)) == ["403 REFER"]

    @pytest.mark.parametrize(
        "wrong",
        [
            {},
            {"refer_to": "<sip:300@192.0.2.9>|<sip:301@192.0.2.9>"},
            {"refer_to": "<mailto:ann@example.com>"},
            {"refer_to": "<sip:300@192.0.2.9;method=BYE>"},
            {"refer_to": "<sip:300@192.0.2.9?Replaces=nonsense>"},
            {"refer_to": "<sip:300@192.0.2.9?Replaces=a%3Bto-tag%3D1>"},
            {"refer_to": "<sip:300@192.0.2.9?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2&replaces=b>"},
            {"refer_to": PLACE, "replaces": "a;to-tag=1;from-tag=2"},
        ],
    )
    def test_one_that_names_no_place(self, wrong: dict[str, str]) -> None:
        bench, owned, asked = self._permitting()
        assert bench.receive(within(owned, "REFER", **wrong)) == ["400 REFER"] and not asked

    def test_to_take_the_place_of_a_call_there(self) -> None:
        bench, owned, asked = self._permitting()
        escaped = "12345%40192.0.2.9%3Bto-tag%3D12345%3Bfrom-tag%3D5FFE-3994"
        bench.receive(within(owned, "REFER", refer_to=f"<sip:300@192.0.2.9;method=INVITE?Replaces={escaped}>"))
        assert asked[0].replaced == Replaces("12345@192.0.2.9", "12345", "5FFE-3994")
        assert asked[0].headers == (("replaces", "12345@192.0.2.9;to-tag=12345;from-tag=5FFE-3994"),)


class TestReplaced:
    def _replacing(self) -> tuple[Bench, Owned, list[Owned]]:
        bench, owned = _taken()
        came: list[Owned] = []

        def take(call) -> None:
            came.append(Owned(call))
            call.on_event = came[-1].events.append
            call.answer(ANSWER)
            owned.call.hang_up()

        owned.call.on_replaced = take
        return bench, owned, came

    def test_a_call_takes_the_place_of_another(self) -> None:
        bench, owned, came = self._replacing()
        named = f"theirs;to-tag={owned.call.tag};from-tag=peer"
        sent = bench.receive(invite(call_id="next", from_tag="desk", replaces=named, require="replaces"))
        assert sent == ["100 INVITE", "200 INVITE", "BYE"]
        assert bench.request(last="BYE").headers.get("call-id") == "theirs" and len(bench.incoming) == 1
        bench.receive(within(came[0], "ACK", 1, from_tag="desk"))
        assert came[0].events == [Confirmed("")]

    @pytest.mark.parametrize(
        ("named", "status"),
        [
            ("theirs;to-tag=%s;from-tag=guessed", 481),
            ("theirs;to-tag=guessed;from-tag=peer%s", 481),
            ("another;to-tag=%s;from-tag=peer", 481),
            ("theirs;to-tag=%s;from-tag=peer;early-only", 486),
            ("theirs;to-tag=%s", 400),
            ("theirs;to-tag=%s;from-tag=peer|theirs;to-tag=1;from-tag=peer", 400),
        ],
    )
    def test_none_that_it_may(self, named: str, status: int) -> None:
        bench, owned, came = self._replacing()
        assert bench.receive(invite(call_id="next", replaces=named % owned.call.tag)) == [f"{status} INVITE"]
        assert owned.call.state == "confirmed" and not came and len(bench.incoming) == 1

    def test_without_leave_of_its_owner(self) -> None:
        bench, owned = _taken()
        named = f"theirs;to-tag={owned.call.tag};from-tag=peer"
        assert bench.receive(invite(call_id="next", replaces=named)) == ["403 INVITE"]
        assert owned.call.state == "confirmed"

    def test_one_that_still_rings_and_one_that_is_over(self) -> None:
        bench = Bench()
        bench.receive(invite())
        call = bench.incoming[-1].call
        named = f"theirs;to-tag={call.tag};from-tag=peer"
        assert bench.receive(invite(call_id="next", replaces=named)) == ["481 INVITE"]
        call.reject(486)
        assert bench.receive(invite(call_id="next", number=2, replaces=named)) == ["481 INVITE"]

    @pytest.mark.parametrize("early_only", ["", ";early-only"])
    def test_one_of_ours_that_still_rings(self, early_only: str) -> None:
        """§3: who began it accepts the new one, and cancels."""
        bench, came = Bench(), []
        owned = bench.dial()

        def take(call) -> None:
            came.append(call)
            call.answer(ANSWER)
            owned.call.hang_up()

        owned.call.on_replaced = take
        named = f"ours;to-tag={owned.call.tag};from-tag=%s{early_only}"
        assert bench.receive(invite(call_id="next", replaces=named % "theirs")) == ["481 INVITE"], (
            "it rings nowhere yet"
        )
        rings = bench.request(last="INVITE")
        for tag in ("theirs", "another"):
            bench.receive(answer(rings, 180, tag=tag))
        assert bench.receive(invite(call_id="next", number=2, replaces=named % "guessed")) == ["481 INVITE"]
        assert bench.receive(invite(call_id="next", number=3, replaces=named % "another")) == [
            "100 INVITE",
            "200 INVITE",
            "CANCEL",
        ]
        assert len(came) == 1 and bench.incoming == []

    def test_one_of_ours_that_is_not_to_be_replaced(self) -> None:
        bench = Bench()
        owned = bench.dial()
        bench.receive(answer(bench.request(), 180))
        named = f"ours;to-tag={owned.call.tag};from-tag=theirs"
        assert bench.receive(invite(call_id="next", replaces=named)) == ["403 INVITE"]
        owned.call.hang_up()
        assert bench.receive(invite(call_id="next", number=2, replaces=named)) == ["481 INVITE"], (
            "it is being cancelled"
        )

    def test_within_a_call_it_means_nothing(self) -> None:
        bench, owned, _ = self._replacing()
        named = f"theirs;to-tag={owned.call.tag};from-tag=peer"
        assert bench.receive(within(owned, "INVITE", body=OFFER, replaces=named)) == ["400 INVITE"]
        assert bench.receive(request("OPTIONS", replaces=named)) == ["400 OPTIONS"]

    def test_read_as_it_is_written(self) -> None:
        one = Replaces("a@b", "1", "2")
        assert replaces(str(one)) == one and replaces(" a@b ; from-tag=2;to-tag=1;early-only").early_only
