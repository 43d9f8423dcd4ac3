"""Requests of strangers: what `admits` keeps back gets no answer at all."""

import pytest
from sip_bench import ANSWER, PEER, Bench, answer, invite, request

from callwright.sip.events import Ended

pytestmark = pytest.mark.pure


class TestStrangers:
    """What `admits` keeps back is not answered, whatever it is; calls that are ours are not asked about."""

    def test_no_answer_at_all(self) -> None:
        bench = Bench(admits=lambda *_: None)
        for method in ("OPTIONS", "REGISTER", "INVITE", "BYE", "SUBSCRIBE", "WHATEVER", "CANCEL"):
            assert bench.receive(request(method)) == []
        assert bench.receive(request("BYE", to_tag="none")) == bench.receive(invite(require="nonsense")) == []
        assert bench.at_rest

    def test_nor_to_what_cannot_be_read(self) -> None:
        bench = Bench(admits=lambda *_: None, tells=lambda *_: False)
        twice = invite().serialize().replace(b"Content-Length", b"Content-Length: 0\r\nContent-Length", 1)
        assert bench.receive(twice) == [] and (bench.agent.unreadable, bench.agent.dropped) == (0, 1)

    def test_a_call_of_ours_goes_on(self) -> None:
        bench = Bench(admits=lambda *_: None)
        owned = bench.dial()
        bench.receive(answer(bench.request(), 200, body=ANSWER))
        assert bench.receive(request("BYE", call_id="ours", from_tag="theirs", to_tag=owned.call.tag)) == ["200 BYE"]
        assert owned.events[-1] == Ended("remote", "BYE")

    def test_who_is_admitted_brings_the_call_to_whom_it_says(self) -> None:
        taken = []
        bench = Bench(admits=lambda agent, request, source: taken.append)
        assert bench.receive(invite()) == ["100 INVITE"]
        (call,) = taken
        assert (call.remote, bench.incoming) == (PEER, [])
        call.reject(486)
