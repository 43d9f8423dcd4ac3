"""Provisional answers that are acknowledged (RFC 3262), on both sides."""

import pytest
from sip_bench import ANSWER, OFFER, Bench, Owned, answer, invite, request, within

from callwright.sip.events import Answered, Confirmed, Ended, Rejected, Reoffered, Ringing
from callwright.sip.reliable import EARLY_MAX

pytestmark = pytest.mark.pure


class TestCalledSide:
    def _ringing(self, **headers: str) -> tuple[Bench, Owned]:
        bench = Bench()
        bench.receive(invite(**{"require": "100rel"} | headers))
        owned = bench.incoming[-1]
        owned.call.ring()
        return bench, owned

    def test_it_rings_until_it_was_heard(self) -> None:
        bench, owned = self._ringing()
        told = bench.response(180).headers
        assert (told.get("require"), told.get("rseq")) == ("100rel", "1")
        assert bench.at(4) == [(0.5, "180 INVITE"), (1.5, "180 INVITE"), (3.5, "180 INVITE")]
        assert bench.receive(within(owned, "PRACK", 2, rack="1 1 INVITE")) == ["200 PRACK"]
        assert bench.pass_s(30) == []
        owned.call.answer(ANSWER)
        bench.receive(within(owned, "ACK", 1))
        assert owned.events == [Confirmed("")]
        bench.receive(within(owned, "BYE", 3))
        bench.pass_s(40)
        assert bench.at_rest

    def test_nobody_hears_it(self) -> None:
        bench, owned = self._ringing()
        bench.pass_s(32)
        assert bench.response().status == 504 and owned.events == [Ended("failure", "no PRACK came")]
        bench.pass_s(40)
        assert bench.at_rest

    def test_the_answer_need_not_wait_for_it(self) -> None:
        """§3: it held no description. Its PRACK may come late."""
        bench, owned = self._ringing()
        owned.call.answer(ANSWER)
        bench.receive(within(owned, "ACK", 1))
        assert bench.pass_s(10) == []
        assert bench.receive(within(owned, "PRACK", 2, rack="1 1 INVITE")) == ["200 PRACK"]

    @pytest.mark.parametrize("rack", ["", "2 1 INVITE", "1 2 INVITE", "1 1 UPDATE", "1 1"])
    def test_a_prack_of_something_else(self, rack: str) -> None:
        bench, owned = self._ringing()
        assert bench.receive(within(owned, "PRACK", 2, rack=rack)) == ["481 PRACK"]
        assert bench.pass_s(1) == ["180 INVITE"]

    def test_a_caller_who_only_can_gets_it_plain(self) -> None:
        bench, owned = self._ringing(require="", supported="100rel")
        assert not bench.response(180).headers.get("require")
        assert bench.receive(within(owned, "PRACK", 2, rack="1 1 INVITE")) == ["481 PRACK"]

    def test_cancel_while_it_is_not_heard(self) -> None:
        bench = Bench()
        bench.receive(invite(require="100rel", branch="first"))
        bench.incoming[-1].call.ring()
        assert bench.receive(request("CANCEL", branch="first")) == ["200 CANCEL", "487 INVITE"]
        bench.pass_s(40)
        assert {sent.what for sent in bench.sent[-5:]} == {"487 INVITE"} and bench.at_rest


class TestCallingSide:
    def _rings(self, number: int = 1, *, status: int = 180, **options: str):
        return answer(
            self.invited, status, require="100rel", rseq=str(number), contact="<sip:200@192.0.2.9>", **options
        )

    def _dialled(self) -> tuple[Bench, Owned]:
        bench = Bench()
        owned = bench.dial()
        self.invited = bench.request()
        return bench, owned

    def test_each_is_acknowledged_and_the_answer_goes_on_from_there(self) -> None:
        bench, owned = self._dialled()
        assert bench.receive(self._rings()) == ["PRACK"]
        prack = bench.request()
        assert prack.headers.get("rack") == "1 1 INVITE" and prack.headers.get("cseq") == "2 PRACK"
        assert prack.uri == "sip:200@192.0.2.9" and prack.to_tag == "theirs"
        bench.receive(answer(prack, 200))
        assert bench.receive(self._rings(2, status=183, body=ANSWER)) == ["PRACK"]
        assert bench.request().headers.get("cseq") == "3 PRACK"
        bench.receive(answer(bench.request(), 200))
        assert bench.receive(answer(self.invited, 200)) == ["ACK"]
        assert owned.events == [Ringing(180), Ringing(183, ANSWER), Answered(ANSWER)], "its description came before"
        assert bench.request().headers.get("cseq") == "1 ACK"
        owned.call.hang_up()
        assert bench.request().headers.get("cseq") == "4 BYE"
        bench.receive(answer(bench.request(), 200))
        bench.pass_s(40)
        assert bench.at_rest

    def test_repeats_and_what_is_out_of_order_are_not(self) -> None:
        bench, _ = self._dialled()
        bench.receive(self._rings(7))
        assert [bench.receive(self._rings(number)) for number in (7, 6, 9, 8)] == [[], [], [], ["PRACK"]]

    def test_each_branch_has_numbers_of_its_own(self) -> None:
        bench, owned = self._dialled()
        for tag in ("one", "two"):
            bench.receive(self._rings(5, tag=tag))
            assert bench.request().headers.get("cseq") == "2 PRACK" and bench.request().to_tag == tag
        bench.receive(answer(self.invited, 200, body=ANSWER, tag="two"))
        owned.call.hang_up()
        assert bench.request(last="BYE").headers.get("cseq") == "3 BYE"

    def test_branches_without_end(self) -> None:
        bench, _ = self._dialled()
        for number in range(30):
            bench.receive(self._rings(tag=f"t{number}"))
        assert [sent.what for sent in bench.sent].count("PRACK") == EARLY_MAX

    @pytest.mark.parametrize(("what", "told"), [("UPDATE", 200), ("INFO", 200), ("REFER", 405), ("OPTIONS", 200)])
    def test_an_early_dialog_takes_a_refresh(self, what: str, told: int) -> None:
        bench, owned = self._dialled()
        bench.receive(self._rings())
        asked = request(what, call_id="ours", from_tag="theirs", to_tag=owned.call.tag)
        assert bench.receive(asked) == [f"{told} {what}"]
        assert bench.receive(request(what, call_id="ours", from_tag="x", to_tag=owned.call.tag)) == [f"481 {what}"]

    @pytest.mark.parametrize(("what", "told"), [("UPDATE", 200), ("INFO", 200), ("REFER", 405), ("OPTIONS", 200)])
    def test_so_does_one_that_nobody_acknowledges(self, what: str, told: int) -> None:
        """Each branch has its own; the answer goes on from there."""
        bench, owned = self._dialled()
        for tag in ("theirs", "other"):
            assert bench.receive(answer(self.invited, 183, tag=tag, body=ANSWER)) == []
        for tag in ("theirs", "other"):
            asked = request(what, call_id="ours", number=7, from_tag=tag, to_tag=owned.call.tag)
            assert bench.receive(asked) == [f"{told} {what}"]
        assert bench.receive(request(what, call_id="ours", from_tag="x", to_tag=owned.call.tag)) == [f"481 {what}"]
        bench.receive(answer(self.invited, 200, body=ANSWER))
        late = request("INFO", call_id="ours", number=6, from_tag="theirs", to_tag=owned.call.tag)
        assert bench.receive(late) == ["500 INFO"]
        owned.call.hang_up()
        assert bench.request(last="BYE").headers.get("cseq") == "2 BYE"

    def test_what_such_a_one_describes_is_no_answer(self) -> None:
        """RFC 3311 §5.2: its own offer has to wait. Where a later one is acknowledged, it need not."""
        bench, owned = self._dialled()
        bench.receive(answer(self.invited, 183, body=ANSWER))
        assert bench.receive(self._updates(owned)) == ["491 UPDATE"]
        assert owned.call.reachable() is None
        assert bench.receive(self._rings(5, status=183, body=ANSWER)) == ["PRACK"]
        assert bench.receive(self._updates(owned, 2)) == [] and owned.events[-1] == Reoffered(OFFER)

    def test_such_a_one_hangs_up_or_is_no_dialog_at_all(self) -> None:
        bench, owned = self._dialled()
        bench.receive(answer(self.invited, 180))
        bench.receive(answer(self.invited, 180, tag="bad", contact="<nonsense>"))
        for tag, told in (("theirs", "200 BYE"), ("theirs", "481 BYE"), ("bad", "481 BYE")):
            bye = request("BYE", call_id="ours", number=3, from_tag=tag, to_tag=owned.call.tag)
            assert bench.receive(bye) == [told] and owned.call.state == "calling"

    def _updates(self, owned: Owned, number: int = 1, body: str = OFFER):
        return request("UPDATE", call_id="ours", number=number, from_tag="theirs", to_tag=owned.call.tag, body=body)

    @pytest.mark.parametrize("says_again", ["", ANSWER])
    def test_a_far_end_that_changes_its_early_audio(self, says_again: str) -> None:
        """RFC 3311 §5.2: 491 while our offer has no answer; then it is answered, and is what a 200 confirms, without words or with
        those of before."""
        bench, owned = self._dialled()
        bench.receive(self._rings())
        assert bench.receive(self._updates(owned)) == ["491 UPDATE"]
        bench.receive(self._rings(2, status=183, body=ANSWER))
        moved = OFFER.replace("4000", "4002")
        assert bench.receive(self._updates(owned, 2, moved)) == []
        assert owned.events[-1] == Reoffered(moved)
        assert bench.receive(self._updates(owned, 3)) == ["500 UPDATE"], "the one before is not answered yet"
        owned.call.answer_reoffer(ANSWER)
        assert (bench.sent[-1].what, bench.response().body) == ("200 UPDATE", ANSWER)
        bench.receive(self._updates(owned, 4, moved))
        owned.call.reject_reoffer()
        assert bench.sent[-1].what == "488 UPDATE"
        bench.receive(answer(self.invited, 200, body=says_again))
        assert owned.events[-1] == Answered(moved)

    def test_a_far_end_that_hangs_up_before_it_answers(self) -> None:
        """It must not (RFC 3261 §15); its branch is over, and the INVITE ends as it is answered."""
        bench, owned = self._dialled()
        bench.receive(self._rings())
        bye = request("BYE", call_id="ours", from_tag="theirs", to_tag=owned.call.tag)
        assert bench.receive(bye) == ["200 BYE"] and owned.call.state == "calling"
        assert bench.receive(self._updates(owned, 5, "")) == ["481 UPDATE"]
        bench.receive(answer(self.invited, 487))
        assert owned.events == [Ringing(180), Rejected(487, "Whatever")]
        bench.pass_s(40)
        assert bench.at_rest

    def test_what_has_no_number_is_not_acknowledged(self) -> None:
        bench, owned = self._dialled()
        assert bench.receive(answer(self.invited, 180, require="100rel")) == []
        assert owned.events == []
