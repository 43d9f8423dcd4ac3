"""Registering at a registrar: what is asked, again after a challenge or 423, and what comes of it."""

from typing import Any

import pytest
from sip_bench import PEER, Bench, answer

from callwright.sip.challenge import Challenger
from callwright.sip.digest import Credentials, Identity
from callwright.sip.flow import Flow
from callwright.sip.registering import Granted, Refused, Registering

pytestmark = pytest.mark.pure

NOW = 1_800_000_000.0


def _asking(password: str = "s3cr3t", expires_s: int = 600) -> tuple[Bench, list[Any], Registering]:
    bench, told, registering = Bench(), [], _registering(password)
    registering.ask(Flow(bench.agent, PEER), expires_s, told.append)
    return bench, told, registering


def _registering(password: str) -> Registering:
    return Registering(
        registrar="sip:192.0.2.7:5060",
        address="sip:ann@192.0.2.7",
        contact_user="token",
        call_id="registers",
        identity=Identity(Credentials("ann", password), lambda: "client"),
    )


def test_challenged_granted_and_taken_back() -> None:
    bench, told, registering = _asking()
    first = bench.request()
    assert (first.method, first.uri, first.headers.get("to")) == (
        "REGISTER",
        "sip:192.0.2.7:5060",
        "<sip:ann@192.0.2.7>",
    )
    assert first.headers.get("contact") == "<sip:token@192.0.2.1:5060>" and first.headers.get("expires") == "600"
    challenger = Challenger(b"key")
    refusal = answer(first, 401)
    refusal.headers.set("www-authenticate", *challenger.challenges(NOW, "0" * 16, "both"))
    assert bench.receive(refusal) == ["REGISTER"]
    second = bench.request()
    assert (second.sequence, second.headers.get("call-id")) == (2, first.headers.get("call-id"))
    assert challenger.judge(second, "ann", "s3cr3t", "both", NOW) == "right"
    bench.receive(
        answer(second, 200, contact="<sip:other@192.0.2.99>;expires=9|<sip:token@192.0.2.1:5060>;expires=300")
    )
    assert told == [Granted(300)]
    registering.ask(Flow(bench.agent, PEER), 0, told.append)
    assert (bench.request().sequence, bench.request().headers.get("expires")) == (3, "0")
    bench.receive(answer(bench.request(), 200))
    assert told == [Granted(300), Granted(0)]
    bench.pass_s(40)
    assert bench.at_rest


def test_too_brief_is_asked_longer_once() -> None:
    bench, told, _ = _asking(expires_s=60)
    assert bench.receive(answer(bench.request(), 423, min_expires="900")) == ["REGISTER"]
    assert bench.request().headers.get("expires") == "900"
    assert bench.receive(answer(bench.request(), 423, min_expires="900")) == []
    assert told == [Refused(423, "Whatever")]


def test_a_wrong_password_is_told_and_not_tried_again() -> None:
    bench, told, _ = _asking("guess")
    for number in range(2):
        refusal = answer(bench.request(), 401)
        refusal.headers.set("www-authenticate", f'Digest realm="x", nonce="{number}", algorithm=MD5, qop="auth"')
        bench.receive(refusal)
    assert told == [Refused(401, "Whatever")] and len(bench.sent) == 2


def test_refused_and_unheard() -> None:
    bench, told, _ = _asking()
    bench.receive(answer(bench.request(), 503, retry_after="120 (busy)"))
    assert told == [Refused(503, "Whatever", 120)]
    bench, told, _ = _asking()
    bench.pass_s(40)
    assert told == [Refused(408, "no answer", heard=False)] and bench.at_rest


def test_a_registrar_that_says_nothing_while_there_is_another_one() -> None:
    """For each REGISTER anew: one that challenges and then falls silent is left as soon."""
    for challenged in (False, True):
        bench, told = Bench(), []
        _registering("s3cr3t").ask(Flow(bench.agent, PEER), 600, told.append, patience_s=4)
        bench.pass_s(3.9)
        if challenged:
            refusal = answer(bench.request(), 401)
            refusal.headers.set("www-authenticate", *Challenger(b"key").challenges(NOW, "0" * 16, "md5"))
            assert bench.receive(refusal) == ["REGISTER"]
            bench.pass_s(3.9)
        assert not told
        bench.pass_s(0.2)
        assert told == [Refused(408, "no answer", heard=False)] and told[0].elsewhere
        bench.pass_s(40)
        assert bench.at_rest and len(told) == 1


def test_what_another_server_may_answer_otherwise() -> None:
    assert Refused(503, "Whatever").elsewhere
    assert not Refused(403, "Whatever").elsewhere and not Refused(408, "Whatever").elsewhere
