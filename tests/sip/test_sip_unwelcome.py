"""Requests that are not welcome: each gets its status, and none opens a call or costs anything afterwards."""

import pytest
from sip_bench import ANSWER, Bench, Owned, invite, request, within

from callwright.sip.events import Confirmed

pytestmark = pytest.mark.pure


def _ringing() -> tuple[Bench, Owned]:
    bench = Bench()
    bench.receive(invite(branch="first"))
    return bench, bench.incoming[-1]


def _confirmed() -> tuple[Bench, Owned]:
    bench, owned = _ringing()
    owned.call.answer(ANSWER)
    bench.receive(within(owned, "ACK", 1))
    assert owned.events == [Confirmed("")]
    owned.events.clear()
    return bench, owned


class TestUnwelcome:
    """Each gets its status and leaves nothing behind."""

    @pytest.mark.parametrize(
        ("unwelcome", "status"),
        [
            (request("REGISTER"), 405),
            (request("MESSAGE"), 405),
            (request("PUBLISH", event="presence"), 405),
            (request("SUBSCRIBE", event="presence"), 489),
            (request("SUBSCRIBE", event="Refer;id=1"), 403),
            (request("SUBSCRIBE"), 489),
            (request("FROBNICATE"), 501),
            (invite(require="frobs"), 420),
            (request("REFER", refer_to="<sip:300@192.0.2.9>"), 403),
            (request("NOTIFY", event="refer"), 481),
            (invite(max_forwards="0"), 483),
            (invite(content_type="text/plain"), 415),
            (invite(uri="mailto:ann@example.com"), 416),
            (invite(contact=""), 400),
            (invite(to_tag="never"), 481),
            (request("INFO"), 481),
        ],
    )
    def test_a_request(self, unwelcome, status: int) -> None:
        bench = Bench()
        once = bench.receive(unwelcome)
        assert once == [f"{status} {unwelcome.method}"]
        first = bench.sent[-1].data
        bench.receive(unwelcome)
        assert bench.sent[-1].data == first, "a repeat gets the same answer"
        assert bench.at_rest and not bench.incoming

    def test_what_is_not_allowed_names_what_is(self) -> None:
        bench = Bench()
        bench.receive(request("REGISTER"))
        assert "INVITE" in bench.response().headers.get("allow")
        bench.receive(request("SUBSCRIBE", event="message-summary"))
        assert bench.response().headers.get("allow-events") == "refer"
        bench.receive(invite(require="100rel, foo, timer, bar"))
        assert bench.response().headers.get("unsupported") == "foo, bar"

    @pytest.mark.parametrize(
        ("unwelcome", "reason"),
        [
            (invite(contact=""), "Missing Contact"),
            (invite(contact="<sip:200@192.0.2.7"), "Bad Contact"),
            (invite(contact="<tel:200>"), "Bad Contact"),
            (invite(record_route="<sip:192.0.2.9;lr>|<nowhere>"), "Bad Record-Route"),
            (invite(record_route="|".join(["<sip:192.0.2.9;lr>"] * 21)), "Too Many Record-Route Values"),
            (invite(uri="sip:100@:5060"), "Bad Request-URI"),
            (invite(replaces="nothing"), "Bad Replaces"),
            (request("BYE", replaces="a;to-tag=b;from-tag=c"), "Replaces Outside Of A New INVITE"),
        ],
    )
    def test_what_cannot_be_read_of_it_is_named(self, unwelcome, reason: str) -> None:
        bench = Bench()
        assert bench.receive(unwelcome) == [f"400 {unwelcome.method}"]
        assert bench.response().reason == reason and bench.at_rest and not bench.incoming

    def test_an_invite_that_came_on_two_paths(self) -> None:
        bench, _ = _ringing()
        assert bench.receive(invite(branch="other")) == ["482 INVITE"] and len(bench.incoming) == 1

    def test_options(self) -> None:
        bench = Bench()
        assert bench.receive(request("OPTIONS")) == ["200 OPTIONS"]
        assert "INVITE" in bench.response().headers.get("allow")
        assert bench.response().headers.get("accept") == "application/sdp" and bench.at_rest

    def test_options_by_name_tell_one_process_from_the_next_at_its_address(self) -> None:
        bench = Bench(name="engine-7")
        asked = [f"sip:{user}@192.0.2.1" for user in ("engine-7", "engine-6", "ping")]
        assert [bench.receive(request("OPTIONS", uri=uri)) for uri in asked] == [
            ["200 OPTIONS"],
            ["404 OPTIONS"],
            ["200 OPTIONS"],
        ]
        bench.agent.draining = True
        assert [bench.receive(request("OPTIONS", uri=uri)) for uri in asked[:2]] == [["503 OPTIONS"], ["404 OPTIONS"]]

    def test_draining_sends_new_calls_elsewhere(self) -> None:
        bench, owned = _confirmed()
        bench.agent.draining = True
        assert bench.receive(invite(call_id="late")) == ["503 INVITE"]
        assert bench.receive(request("OPTIONS")) == ["503 OPTIONS"]
        assert bench.receive(within(owned, "BYE")) == ["200 BYE"]

    def test_a_flood_is_turned_away(self) -> None:
        bench = Bench(unanswered_max=10)
        for number in range(50):
            bench.receive(invite(call_id=f"flood{number}"))
        assert len(bench.incoming) == 10 and bench.agent.shed == 40
        assert bench.response().headers.get("retry-after")

    def test_the_answer_goes_where_the_request_came_from(self) -> None:
        """RFC 3581: past a NAT, where the Via says nothing that helps."""
        bench = Bench()
        asked = request("OPTIONS", via="SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKnat;rport")
        bench.receive(asked, ("203.0.113.4", 31_337))
        assert bench.sent[-1].to == ("203.0.113.4", 31_337)
        assert "received=203.0.113.4" in bench.response().headers.get("via")
        assert "rport=31337" in bench.response().headers.get("via")

    @pytest.mark.parametrize(
        ("method", "headers", "status"),
        [
            ("INFO", {"body": "5", "content_type": "text/plain"}, 415),
            ("INFO", {"info_package": "weather"}, 469),
            ("MESSAGE", {"body": "hello", "content_type": "text/plain"}, 405),
            ("SUBSCRIBE", {"event": "presence"}, 489),
            ("SUBSCRIBE", {"event": "refer"}, 403),
            ("PUBLISH", {}, 405),
            ("REGISTER", {}, 405),
            ("NOTIFY", {"event": "presence"}, 489),
            ("NOTIFY", {}, 489),
            ("NOTIFY", {"event": "refer"}, 481),
            ("REFER", {}, 400),
            ("REFER", {"refer_to": "<sip:300@192.0.2.9>"}, 403),
            ("FROBNICATE", {}, 501),
            ("OPTIONS", {}, 200),
        ],
    )
    def test_what_is_not_served_is_told_so(self, method: str, headers: dict[str, str], status: int) -> None:
        bench, owned = _confirmed()
        assert bench.receive(within(owned, method, **headers)) == [f"{status} {method}"]
        if status in (405, 200):
            assert "REFER" in bench.response().headers.get("allow")
        if status == 489:
            assert bench.response().headers.get("allow-events") == "refer"
        assert owned.events == [] and owned.call.state == "confirmed"

    @pytest.mark.parametrize(
        ("headers", "reason"),
        [
            ({}, "Missing Refer-To"),
            ({"refer_to": "<sip:300@192.0.2.9>|<sip:301@192.0.2.9>"}, "More Than One Refer-To"),
            ({"refer_to": "<mailto:ann@example.com>"}, "Bad Refer-To"),
            ({"refer_to": "<sip:300@192.0.2.9?Replaces=a>"}, "Bad Refer-To"),
        ],
    )
    def test_a_refer_is_told_what_is_wrong_with_it(self, headers: dict[str, str], reason: str) -> None:
        bench, owned = _confirmed()
        assert bench.receive(within(owned, "REFER", **headers)) == ["400 REFER"]
        assert bench.response().reason == reason
