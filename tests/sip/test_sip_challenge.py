"""Digest as the side that asks: whose answer is right, how often, and for how long."""

from itertools import count

import pytest
from sip_bench import answer, invite, request

from callwright.sip import challenge
from callwright.sip.challenge import COUNTED_MAX, NONCE_S, Challenger
from callwright.sip.digest import Credentials, Identity
from callwright.sip.message import Request

pytestmark = pytest.mark.pure

NOW = 1_800_000_000.0
salts = (f"{number:016x}" for number in count())


def _proven(
    challenger: Challenger, *, user: str = "ann", password: str = "s3cr3t", now: float = NOW, only: int | None = None
) -> tuple[Request, Identity]:
    """A REGISTER with the answer of our own client side to a challenge. `only`: it is offered this one alone."""
    asked = request("REGISTER", uri="sip:192.0.2.1")
    identity = Identity(Credentials(user, password), lambda: "client")
    challenges = challenger.challenges(now, next(salts), "both")
    refusal = answer(asked, 401)
    refusal.headers.set("www-authenticate", *(challenges if only is None else challenges[only : only + 1]))
    assert identity.prove(asked, refusal)
    return asked, identity


class TestAnswers:
    @pytest.mark.parametrize("only", [None, 0, 1])
    def test_the_right_password_by_each_algorithm(self, only: int | None) -> None:
        challenger = Challenger(b"key")
        asked, _ = _proven(challenger, only=only)
        assert ("algorithm=MD5" in asked.headers.get("authorization")) == (only == 1)
        assert challenger.judge(asked, "ann", "s3cr3t", "both", NOW) == "right"

    def test_an_algorithm_that_it_may_not_use(self) -> None:
        challenger = Challenger(b"key")
        assert len(challenger.challenges(NOW, next(salts), "md5")) == 1
        asked, _ = _proven(challenger, only=1)
        assert challenger.judge(asked, "ann", "s3cr3t", "sha-256", NOW) == "wrong"
        assert challenger.judge(asked, "ann", "s3cr3t", "md5", NOW) == "right"

    def test_what_is_wrong(self) -> None:
        challenger = Challenger(b"key")
        asked, _ = _proven(challenger, password="guess")
        assert challenger.judge(asked, "ann", "s3cr3t", "both", NOW) == "wrong"
        asked, _ = _proven(challenger)
        assert challenger.judge(asked, "bob", "s3cr3t", "both", NOW) == "wrong"
        asked.method = "INVITE"
        assert challenger.judge(asked, "ann", "s3cr3t", "both", NOW) == "wrong"

    def test_an_answer_for_another_place(self) -> None:
        challenger = Challenger(b"key")
        asked, _ = _proven(challenger)
        asked.uri = "sip:18005550100@192.0.2.1"
        assert challenger.judge(asked, "ann", "s3cr3t", "both", NOW) == "wrong"

    def test_parameters_of_the_uri_need_not_be_there(self) -> None:
        challenger = Challenger(b"key")
        asked, _ = _proven(challenger)
        asked.uri = "sip:192.0.2.1;transport=tcp"
        assert challenger.judge(asked, "ann", "s3cr3t", "both", NOW) == "right"

    @pytest.mark.parametrize(
        "spoiled",
        [
            ('qop=auth', 'qop=auth-int'), ("nc=00000001", "nc=1"), ("nc=00000001", "nc=0000000g"),
            ('realm="callwright"', 'realm="elsewhere"'), ("algorithm=SHA-256", "algorithm=SHA-512"),
            ('cnonce="client"', 'cnonce=""'), ("Digest ", "Basic "),
        ],
    )  # fmt: skip
    def test_what_is_no_answer(self, spoiled: tuple[str, str]) -> None:
        challenger = Challenger(b"key")
        asked, _ = _proven(challenger)
        value = asked.headers.get("authorization")
        assert spoiled[0] in value
        asked.headers.set("authorization", value.replace(*spoiled))
        assert challenger.judge(asked, "ann", "s3cr3t", "both", NOW) == "none"
        assert challenger.judge(invite(), "ann", "s3cr3t", "both", NOW) == "none"


class TestNonces:
    def test_an_answer_is_right_once(self) -> None:
        challenger = Challenger(b"key")
        asked, _ = _proven(challenger)
        assert [challenger.judge(asked, "ann", "s3cr3t", "both", NOW) for _ in range(3)] == ["right", "stale", "stale"]

    def test_a_nonce_may_be_used_again_with_the_next_count(self) -> None:
        challenger = Challenger(b"key")
        asked, identity = _proven(challenger)
        assert challenger.judge(asked, "ann", "s3cr3t", "both", NOW) == "right"
        nonce = asked.headers.get("authorization").partition('nonce="')[2].partition('"')[0]
        again = request("REGISTER", uri="sip:192.0.2.1")
        refusal = answer(again, 401)
        refusal.headers.set(
            "www-authenticate", f'Digest realm="callwright", nonce="{nonce}", algorithm=MD5, qop="auth"'
        )
        assert identity.prove(again, refusal) and "nc=00000002" in again.headers.get("authorization")
        assert challenger.judge(again, "ann", "s3cr3t", "both", NOW + 1) == "right"

    def test_what_is_too_old_is_stale_and_a_wrong_password_is_not(self) -> None:
        challenger = Challenger(b"key")
        asked, _ = _proven(challenger)
        assert challenger.judge(asked, "ann", "s3cr3t", "both", NOW + NONCE_S + 2) == "stale"
        assert challenger.judge(asked, "ann", "other", "both", NOW + NONCE_S + 2) == "wrong"
        assert all("stale=true" in value for value in challenger.challenges(NOW, next(salts), "both", stale=True))

    def test_it_is_right_where_it_was_made_and_nowhere_else(self) -> None:
        """An answer that one engine heard is worth nothing at another, used or not; a guess is told nothing by that."""
        one, other = Challenger(b"one"), Challenger(b"other")
        asked, _ = _proven(one)
        assert other.judge(asked, "ann", "s3cr3t", "both", NOW) == "stale"
        assert one.judge(asked, "ann", "s3cr3t", "both", NOW) == "right"
        assert other.judge(asked, "ann", "s3cr3t", "both", NOW) == "stale"
        guessed, _ = _proven(one, password="guess")
        assert other.judge(guessed, "ann", "s3cr3t", "both", NOW) == "wrong"

    def test_counts_that_had_to_go_do_not_let_an_answer_in_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(challenge, "COUNTED_MAX", 3)
        assert COUNTED_MAX > 3
        challenger = Challenger(b"key")
        asked = [_proven(challenger, now=NOW + at)[0] for at in range(5)]
        for one in asked:
            assert challenger.judge(one, "ann", "s3cr3t", "both", NOW + 5) == "right"
        assert [challenger.judge(one, "ann", "s3cr3t", "both", NOW + 5) for one in asked] == ["stale"] * 5
