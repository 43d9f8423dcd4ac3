"""Queueing a call over /v1: what is refused, and what is kept of it."""

import json

import httpx
import pytest

from callwright.sip.custom_headers import CHARACTERS_MAX, COUNT_MAX

pytestmark = pytest.mark.store

KEPT = {"User-to-User": "56a390f3d2b7310023a2;encoding=hex", "X-Case": "7 = sieben ä", "x-empty": ""}


async def _queued(client: httpx.AsyncClient, world, **fields) -> httpx.Response:
    body = {"deployment_id": world.deployment_id, "to": "2125550101"} | fields
    return await client.post("/v1/outbound", content=json.dumps(body), headers={"Content-Type": "application/json"})


async def test_header_fields_are_kept_with_the_call(client, world, db):
    made = await _queued(client, world, sip_headers=KEPT)
    assert made.status_code == 201, made.text
    plain = await _queued(client, world)
    rows = await db.pool.fetch(
        "SELECT id, sip_headers FROM outbound_calls WHERE id = ANY($1)", [made.json()["id"], plain.json()["id"]]
    )
    assert {row["id"]: json.loads(row["sip_headers"]) for row in rows} == {
        made.json()["id"]: KEPT,
        plain.json()["id"]: {},
    }


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"From": "<sip:me@here>"}, "must be User-to-User or begin with X-"),
        ({"X-": "x"}, "not 'X-'"),
        ({"X-a b": "x"}, "must be User-to-User or begin with X-"),
        ({"X-Ä": "x"}, "must be User-to-User or begin with X-"),
        ({"x-" + "a" * 61: "x"}, "must be User-to-User or begin with X-"),
        ({"X-Case": "7\r\nFrom: <sip:me@here>"}, "must be printable, in one line, and X-Case is not"),
        ({"X-Case": "\x00"}, "must be printable"),
        ({"X-Case": "\ud800"}, ""),
        ({"X-Case": "1", "x-case": "2"}, "must name each field once"),
        ({f"X-{number}": "" for number in range(COUNT_MAX + 1)}, f"must be at most {COUNT_MAX}"),
        ({"X-1": "a" * CHARACTERS_MAX, "X-2": "b"}, f"at most {CHARACTERS_MAX} characters in all"),
    ],
)
async def test_others_are_refused_and_the_field_is_named(client, world, fields, told):
    refused = await _queued(client, world, sip_headers=fields)
    assert refused.status_code in (400, 422), refused.text
    assert "sip_headers" in refused.text and told in refused.json()["detail"]


async def test_as_many_and_as_long_as_there_may_be(client, world):
    many = {f"X-{number}": "a" * (CHARACTERS_MAX // COUNT_MAX) for number in range(COUNT_MAX)}
    assert (await _queued(client, world, sip_headers=many)).status_code == 201
