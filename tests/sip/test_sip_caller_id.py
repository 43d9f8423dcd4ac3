"""Who we say that calls, by a trunk's policy, and whom we believe."""

import pytest
from sip_bench import Bench

from callwright.sip.caller_id import NOBODY, CallerPolicy, asserted

pytestmark = pytest.mark.pure

HOST = "carrier.example"
CALLER = f"<sip:6175550100@{HOST}>"


@pytest.mark.parametrize(
    ("policy", "caller", "headers"),
    [
        (CallerPolicy(), "6175550100", ()),
        (CallerPolicy("username"), "6175550100", (("from", f"<sip:cust%40x@{HOST}>"),)),
        (CallerPolicy(asserts_identity=True), "6175550100", (("p-asserted-identity", CALLER),)),
        (
            CallerPolicy(remote_party_id=True), "6175550100",
            (("remote-party-id", f"{CALLER};party=calling;privacy=off;screen=yes"),),
        ),
        (
            CallerPolicy("username", asserts_identity=True, withholds_caller=True), "6175550100",
            (("from", NOBODY), ("p-asserted-identity", CALLER), ("privacy", "id")),
        ),
        (
            CallerPolicy(remote_party_id=True, withholds_caller=True), "6175550100",
            (("from", NOBODY), ("remote-party-id", f"{CALLER};party=calling;privacy=full;screen=yes"), ("privacy", "id")),
        ),
        (CallerPolicy(), "anonymous", (("from", NOBODY),)),
        (CallerPolicy(asserts_identity=True), "anonymous", (("from", NOBODY), ("privacy", "id"),)),
    ],
)  # fmt: skip
def test_what_a_trunk_is_told(policy, caller, headers) -> None:
    assert policy.told(caller, "cust@x", HOST) == headers


def test_a_caller_is_one_user_part_whatever_it_holds() -> None:
    headers = CallerPolicy(asserts_identity=True).told('1>;x="\r\nVia: a', "u", HOST)
    assert headers == (("p-asserted-identity", f"<sip:1%3E;x=%22%0D%0AVia%3A%20a@{HOST}>"),)
    bench = Bench()
    bench.dial(caller='1>;x="\r\nVia: a', extra=(*headers, ("x-story", "a\r\nVia: b\x00\x7fc")))
    sent = bench.request()
    assert sent.headers.get("x-story") == "a Via: bc"
    assert len(sent.headers.all("via")) == len(sent.headers.all("from")) == 1


def test_from_is_as_told() -> None:
    bench = Bench()
    owned = bench.dial(caller="6175550100", extra=(("from", NOBODY),))
    assert bench.request().headers.get("from") == f"{NOBODY};tag={owned.call.tag}"


@pytest.mark.parametrize(
    ("headers", "caller"),
    [
        ({"p-asserted-identity": f'"Ann" {CALLER}'}, "6175550100"),
        ({"p-asserted-identity": f"<tel:+16175550100>, {CALLER}"}, "+16175550100"),
        ({"p-asserted-identity": f"<nonsense>, {CALLER}"}, "6175550100"),
        ({"p-asserted-identity": CALLER, "privacy": "user;id"}, ""),
        ({"p-asserted-identity": CALLER, "privacy": "none"}, "6175550100"),
        ({}, ""),
    ],
)
def test_whom_we_believe(headers, caller) -> None:
    assert asserted(headers.items()) == caller
