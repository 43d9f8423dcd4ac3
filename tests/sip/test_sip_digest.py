"""Digest answers: the figures of the RFCs, and challenges that are answered, refused, or no longer answered."""

import pytest
from sip_bench import answer, invite

from callwright.sip.digest import REALMS_MAX, STALE_MAX, Credentials, Identity, fields_of

pytestmark = pytest.mark.pure


def _identity(user: str, password: str, nonce: str = "0a4f113b") -> Identity:
    return Identity(Credentials(user, password), lambda: nonce)


def _asked(*challenges: str, status: int = 401):
    sent = invite()
    header = "www_authenticate" if status == 401 else "proxy_authenticate"
    return sent, answer(sent, status, **{header: "|".join(challenges)})


RFC_2617 = (
    'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",'
    ' opaque="5ccc069c403ebaf9f0171e9517f40e41"'
)
RFC_7616 = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm},'
    ' nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


@pytest.mark.parametrize(
    ("challenge", "user", "password", "uri", "nonce", "response"),
    [
        (
            RFC_2617,
            *("Mufasa", "Circle Of Life", "/dir/index.html", "0a4f113b"),
            "6629fae49393a05397450978507c4ef1",
        ),
        (
            RFC_7616.format(algorithm="MD5"),
            *("Mufasa", "Circle of Life", "/dir/index.html", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"),
            "8ca523f5e9506fed4657c9700eebdbec",
        ),
        (
            RFC_7616.format(algorithm="SHA-256"),
            *("Mufasa", "Circle of Life", "/dir/index.html", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        ),
    ],
)
def test_the_figures_of_rfc_2617_and_7616(challenge, user, password, uri, nonce, response) -> None:
    sent, asked = _asked(challenge)
    sent.method, sent.uri = "GET", uri
    assert _identity(user, password, nonce).prove(sent, asked)
    told = fields_of(sent.headers.get("authorization"))
    assert (told["response"], told["nc"], told["qop"], told["uri"]) == (response, "00000001", "auth", uri)


def test_the_password_is_in_no_text() -> None:
    assert "Circle" not in repr(Credentials("Mufasa", "Circle of Life"))


def test_without_qop_it_is_answered_as_rfc_2069_asks() -> None:
    sent, asked = _asked('Digest realm="a", nonce="n"', status=407)
    assert _identity("u", "p").prove(sent, asked)
    told = sent.headers.get("proxy-authorization")
    assert "qop" not in told and "cnonce" not in told and "algorithm" not in told


def test_the_first_algorithm_that_we_know_is_taken() -> None:
    sent, asked = _asked(
        'Digest realm="a", nonce="1", algorithm=SHA-512-256, qop="auth"',
        'Digest realm="a", nonce="2", algorithm=SHA-256, qop="auth"',
        'Digest realm="a", nonce="3", algorithm=MD5, qop="auth"',
    )
    assert _identity("u", "p").prove(sent, asked)
    (told,) = sent.headers.all("authorization")
    assert fields_of(told)["nonce"] == "2"


@pytest.mark.parametrize(
    "challenge",
    [
        "Basic realm=a",
        'Digest realm="a"',
        'Digest realm="a", nonce="n", qop="auth-int"',
        'Digest realm="a", nonce="n", algorithm=SHA-512-256',
        f'Digest realm="a", nonce="{"n" * 501}"',
        "",
    ],
)
def test_what_cannot_be_answered(challenge: str) -> None:
    sent, asked = _asked(challenge)
    assert not _identity("u", "p").prove(sent, asked) and not sent.headers.all("authorization")


def test_a_second_challenge_is_a_refusal_but_for_a_stale_nonce() -> None:
    sent, asked = _asked('Digest realm="a", nonce="n", qop="auth"')
    who = _identity("u", "wrong")
    assert who.prove(sent, asked)
    assert not who.prove(sent, asked)
    for number in range(STALE_MAX):
        assert who.prove(sent, answer(sent, 401, www_authenticate=f'Digest realm="a", nonce="s{number}", stale=TRUE'))
    assert not who.prove(sent, answer(sent, 401, www_authenticate='Digest realm="a", nonce="s9", stale=TRUE'))


def test_two_realms_are_answered_side_by_side() -> None:
    sent, asked = _asked('Digest realm="a", nonce="n"', status=407)
    who = _identity("u", "p")
    assert who.prove(sent, asked)
    assert who.prove(sent, answer(sent, 407, proxy_authenticate='Digest realm="b", nonce="m"'))
    assert [fields_of(value)["realm"] for value in sent.headers.all("proxy-authorization")] == ["a", "b"]


def test_realms_without_end_are_not_answered() -> None:
    sent, _ = _asked()
    who = _identity("u", "p")
    done = [
        who.prove(sent, answer(sent, 401, www_authenticate=f'Digest realm="{number}", nonce="n"'))
        for number in range(9)
    ]
    assert done == [True] * REALMS_MAX + [False] * (9 - REALMS_MAX)


def test_a_nonce_that_is_used_again_is_counted() -> None:
    who = _identity("u", "p")
    for count in (1, 2):
        sent, asked = _asked('Digest realm="a", nonce="n", qop="auth"')
        assert who.prove(sent, asked)
        assert fields_of(sent.headers.get("authorization"))["nc"] == f"{count:08x}"
