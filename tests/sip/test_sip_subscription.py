"""SUBSCRIBE within a call, to what a REFER of the peer's began: it lasts longer, or ends, and is told how it stands."""

import pytest
from sip_bench import ANSWER, Bench, Owned, answer, invite, within

from callwright.sip.message import Request
from callwright.sip.refer import Referral
from callwright.sip.subscription import REFER_S_MAX

pytestmark = pytest.mark.pure

PLACE = "<sip:300@192.0.2.9:5080>"


def told() -> None: ...


class TestSubscribed:
    """RFC 6665 §4.1.2: who sent us a REFER has its subscription last longer, or end."""

    def _referred(self, **options: str) -> tuple[Bench, Owned, list[Referral]]:
        bench = Bench()
        bench.receive(invite())
        owned = bench.incoming[-1]
        owned.call.answer(ANSWER)
        bench.receive(within(owned, "ACK", 1))
        asked: list[Referral] = []
        owned.call.on_refer = lambda referral: asked.append(referral) or 202
        bench.receive(within(owned, "REFER", 2, refer_to=PLACE, **options))
        if not options:
            bench.receive(answer(bench.request(), 200))
        return bench, owned, asked

    def _subscribe(self, owned: Owned, number: int, expires: str = "60", **headers: str) -> Request:
        return within(owned, "SUBSCRIBE", number, **({"event": "refer", "expires": expires} | headers))

    def _heard(self, bench: Bench) -> tuple[str, str]:
        """What the last NOTIFY says; it is answered."""
        told = bench.request(last="NOTIFY")
        bench.receive(answer(told, 200))
        return told.body.strip(), told.headers.get("subscription-state")

    def test_it_lasts_longer(self) -> None:
        """Past the time that it had, and it is told how it stands each time, and at last what came of it."""
        bench, owned, asked = self._referred()
        for number in (3, 4):
            bench.pass_s(REFER_S_MAX - 20)
            moved = self._subscribe(owned, number, "600", contact=f"<sip:200@192.0.2.7:60{number}>")
            assert bench.receive(moved) == ["200 SUBSCRIBE", "NOTIFY"]
            taken = bench.response().headers
            assert taken.get("expires") == "120" and taken.get("contact") == owned.call.agent.contact
            assert bench.request().uri == f"sip:200@192.0.2.7:60{number}", "where it is now (RFC 6665 §4.5.1)"
            assert self._heard(bench) == ("SIP/2.0 100 Trying", "active;expires=120")
        asked[0].tell(200, "OK", told)
        assert self._heard(bench) == ("SIP/2.0 200 OK", "terminated;reason=noresource")
        assert bench.receive(self._subscribe(owned, 5)) == ["481 SUBSCRIBE"], "it is over"

    def test_it_lasts_as_long_as_is_asked(self) -> None:
        bench, owned, asked = self._referred()
        bench.receive(self._subscribe(owned, 3, "30", event="refer;id=2"))
        assert bench.response().headers.get("expires") == "30"
        assert self._heard(bench) == ("SIP/2.0 100 Trying", "active;expires=30")
        assert bench.pass_s(29) == []
        assert bench.pass_s(1) == ["NOTIFY"]
        assert self._heard(bench) == ("SIP/2.0 408 nothing came of it", "terminated;reason=timeout")
        heard: list[float] = []
        asked[0].tell(200, "OK", lambda: heard.append(bench.now))
        assert len(heard) == 1 and bench.pass_s(1) == []

    def test_it_ends(self) -> None:
        bench, owned, asked = self._referred()
        assert bench.receive(self._subscribe(owned, 3, "0")) == ["200 SUBSCRIBE", "NOTIFY"]
        assert bench.response().headers.get("expires") == "0"
        assert self._heard(bench)[1] == "terminated;reason=timeout"
        asked[0].tell(200, "OK", told)
        assert bench.receive(self._subscribe(owned, 4)) == ["481 SUBSCRIBE"]
        owned.call.hang_up()
        bench.receive(answer(bench.request(), 200))
        bench.pass_s(40)
        assert bench.at_rest

    def test_it_does_not_last_for_ever(self) -> None:
        bench, owned, _ = self._referred()
        lasted, number = [], 3
        while bench.receive(self._subscribe(owned, number)) != ["481 SUBSCRIBE"]:
            lasted.append(int(bench.response().headers.get("expires")))
            self._heard(bench)
            bench.pass_s(50)
            number += 1
        assert lasted == [60, 60, 60, 60, 60, 60, 60, 10], "six minutes in all"

    def test_no_time_is_left_and_the_last_that_was_told_has_no_answer(self) -> None:
        bench, owned, _ = self._referred()
        for number in (3, 4, 5):
            bench.receive(self._subscribe(owned, number, "120"))
            self._heard(bench)
            bench.pass_s(110)
        bench.receive(self._subscribe(owned, 6, "120"))
        bench.pass_s(31)
        unanswered = bench.request(last="NOTIFY")
        assert bench.receive(self._subscribe(owned, 7, "120")) == ["200 SUBSCRIBE"]
        assert bench.response().headers.get("expires") == "0"
        assert bench.receive(answer(unanswered, 200)) == ["NOTIFY"]
        assert self._heard(bench)[1] == "terminated;reason=timeout"
        assert bench.pass_s(40) == []

    def test_what_is_asked_while_one_is_told_is_told_in_one(self) -> None:
        bench, owned, asked = self._referred()
        bench.receive(self._subscribe(owned, 3))
        for number in range(4, 10):
            assert bench.receive(self._subscribe(owned, number)) == ["200 SUBSCRIBE"]
        asked[0].tell(486, "Busy Here", told)
        assert bench.receive(answer(bench.request(last="NOTIFY"), 200)) == ["NOTIFY"]
        assert self._heard(bench)[0] == "SIP/2.0 486 Busy Here"

    def test_it_lasts_longer_than_its_call(self) -> None:
        bench, owned, asked = self._referred()
        bench.receive(within(owned, "BYE", 3))
        assert bench.receive(self._subscribe(owned, 4)) == ["200 SUBSCRIBE", "NOTIFY"]
        self._heard(bench)
        asked[0].tell(200, "OK", told)
        assert self._heard(bench)[0] == "SIP/2.0 200 OK"
        assert bench.receive(self._subscribe(owned, 5)) == ["481 SUBSCRIBE"]
        bench.pass_s(40)
        assert bench.at_rest

    @pytest.mark.parametrize(
        ("number", "wrong", "status"),
        [
            (3, {"event": "refer;id=7"}, 481),
            (3, {"event": "presence"}, 489),
            (3, {"from_tag": "guessed"}, 481),
            (3, {"to_tag": ""}, 403),
            (3, {"expires": "soon"}, 400),
            (3, {"contact": "<tel:200>"}, 400),
            (3, {"require": "frobs"}, 420),
            (2, {}, 500),
        ],
    )
    def test_what_is_wrong_changes_nothing(self, number: int, wrong: dict[str, str], status: int) -> None:
        bench, owned, _ = self._referred()
        assert bench.receive(self._subscribe(owned, number, **wrong)) == [f"{status} SUBSCRIBE"]
        assert bench.receive(self._subscribe(owned, 9)) == ["200 SUBSCRIBE", "NOTIFY"]

    def test_one_that_was_not_wanted(self) -> None:
        """RFC 4488: there is none that could last longer."""
        bench, owned, _ = self._referred(refer_sub="false")
        assert bench.receive(self._subscribe(owned, 3)) == ["481 SUBSCRIBE"]

    def test_of_the_second_transfer(self) -> None:
        """Its number says which is meant (RFC 3515 §2.4.6)."""
        bench, owned, asked = self._referred()
        asked[0].tell(486, "", told)
        self._heard(bench)
        bench.receive(within(owned, "REFER", 3, refer_to=PLACE))
        self._heard(bench)
        assert bench.receive(self._subscribe(owned, 4, event="refer")) == ["481 SUBSCRIBE"]
        assert bench.receive(self._subscribe(owned, 5, event="refer;id=3")) == ["200 SUBSCRIBE", "NOTIFY"]
        assert bench.request().headers.get("event") == "refer;id=3"
