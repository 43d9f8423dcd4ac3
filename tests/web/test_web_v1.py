"""Our own API: what it makes and shows, what it refuses and how, and that nobody sees another account's."""

import asyncio
import io
import json
import wave

import httpx
import pytest
import yaml

from callwright.services import first_start, trunks
from callwright.sip.digest import Credentials

pytestmark = pytest.mark.store

FIELDS = ("type", "title", "status", "detail")


def _document(name: str = "Desk") -> dict:
    start = {"name": "start", "type": "start", "exits": {"next": "hello"}}
    hello = {"name": "hello", "type": "prompt", "prompt": "Hello.", "exits": {"next": "end"}}
    return {"name": name, "pages": [{"name": "Main", "modules": [start, hello, {"name": "end", "type": "exit"}]}]}


def _problem(reply: httpx.Response, status: int) -> dict:
    """RFC 9457 §3."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    body = reply.json()
    assert set(FIELDS) <= set(body) and body["status"] == status
    return body


def _field(problem: dict) -> str:
    (only,) = problem["errors"]
    return only["field"]


def _wav(seconds: float, *, rate: int = 8000, channels: int = 1, width: int = 2) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(bytes(int(seconds * rate) * channels * width))
    return out.getvalue()


class TestApplications:
    async def test_from_a_document_to_a_deployment(self, client):
        made = await client.post("/v1/applications", content=yaml.safe_dump(_document()))
        assert made.status_code == 201
        application = f"/v1/applications/{made.json()['id']}"
        assert (await client.get(application)).json()["latest_version"] is None
        assert (await client.post(f"{application}/versions")).json() == {"number": 1, "warnings": []}
        changed = await client.put(f"{application}/draft", json=_document("Renamed"))
        assert changed.status_code == 204
        assert (await client.get(f"{application}/versions/1")).json()["document"]["name"] == "Desk", "it never changes"
        assert (await client.post(f"{application}/versions")).json() == {"number": 2, "warnings": []}
        assert [one["number"] for one in (await client.get(f"{application}/versions")).json()] == [2, 1]
        assert (await client.get(application)).json() | {"created_at": 0} == {
            "id": made.json()["id"],
            "name": "Renamed",
            "created_at": 0,
            "latest_version": 2,
        }
        body = {"application_id": made.json()["id"], "label": "Front desk", "version": 1}
        deployed = await client.post("/v1/deployments", json=body)
        assert deployed.status_code == 201
        number = await client.post(
            "/v1/numbers", json={"address": "8005550999", "deployment_id": deployed.json()["id"]}
        )
        assert number.status_code == 201
        assert (await client.delete(application)).status_code == 204
        _problem(await client.get(application), 404)

    async def test_every_error_of_a_document_is_told_with_its_place(self, client):
        document = _document()
        document["pages"][0]["modules"][1]["exits"]["next"] = "nowhere"
        document["pages"][0]["modules"][1]["prompt"] = 5
        body = _problem(await client.post("/v1/applications", json=document), 422)
        assert [(one["page"], one["module"], one["field"]) for one in body["errors"]] == [("Main", "hello", "prompt")]
        document["pages"][0]["modules"][1]["prompt"] = "Hello."
        body = _problem(await client.post("/v1/applications", json=document), 422)
        assert [(one["page"], one["module"]) for one in body["errors"]] == [("Main", "hello")]
        assert "nowhere" in body["errors"][0]["message"]
        assert (await client.get("/v1/applications")).json()[-1]["name"] != "Desk"

    @pytest.mark.parametrize(
        ("content", "status"),
        [(b"", 422), (b"[1, 2", 422), (b"\xff\xfe", 400), (b"a: &a [*a]", 422), (b"[" * 5000, 422)],
    )
    async def test_what_is_no_document(self, client, content, status):
        _problem(await client.post("/v1/applications", content=content), status)

    async def test_a_large_document_does_not_hold_up_others(self, client):
        """It is read in a thread: the health check is answered meanwhile."""
        slow = yaml.safe_dump({"name": "x", "variables": {f"v{n}": [n] * 10 for n in range(8_000)}})
        reading = asyncio.create_task(client.post("/v1/applications", content=slow))
        answered = 0
        while not reading.done():
            assert (await client.get("/health")).status_code == 200
            answered += 1
        assert answered > 3
        assert (await reading).status_code in (201, 422)


class TestAudio:
    async def test_the_same_sound_has_one_name(self, client, config):
        first = await client.post("/v1/audio", content=_wav(0.5))
        again = await client.post("/v1/audio", content=_wav(0.5))
        assert first.status_code == 201 and first.json() == again.json()
        assert len([file for file in config.audio_dir.rglob("*") if file.is_file()]) == 1

    @pytest.mark.parametrize("content", [b"", b"RIFF", b"hello" * 100, _wav(0.5)[:20]])
    async def test_what_is_no_wav(self, client, content):
        assert _field(_problem(await client.post("/v1/audio", content=content), 400)) == "file"

    async def test_the_file_and_the_reason_are_told(self, client):
        told = _problem(await client.post("/v1/audio?file_name=hello.ogg", content=b"OggS" + bytes(50)), 400)
        assert "hello.ogg" in told["detail"] and "it is Ogg" in told["detail"]

    async def test_what_has_no_header_is_told_by_its_name(self, client):
        made = await client.post("/v1/audio?file_name=quiet.ul", content=b"\xff" * 8000)
        assert made.status_code == 201, made.text
        _problem(await client.post("/v1/audio", content=b"\xff" * 8000), 400)

    async def test_a_long_file_does_not_hold_up_others(self, client):
        slow = _wav(110, rate=48_000, channels=2)
        reading = asyncio.create_task(client.post("/v1/audio", content=slow))
        answered = 0
        while not reading.done():
            assert (await client.get("/health")).status_code == 200
            answered += 1
        assert (await reading).status_code == 201 and answered > 3

    async def test_longer_than_it_may_last(self, client):
        hours = _wav(700, rate=1000, width=1)
        assert "600 seconds" in _problem(await client.post("/v1/audio", content=hours), 400)["detail"]

    async def test_more_than_a_body_may_have(self, client):
        _problem(await client.post("/v1/audio", content=bytes((32 << 20) + 1)), 413)


class TestRefusals:
    @pytest.mark.parametrize(
        ("path", "body", "field"),
        [
            ("deployments", {"application_id": 1}, "label"),
            ("deployments", {"application_id": 0, "label": "x"}, "application_id"),
            ("deployments", {"application_id": "x", "label": "x"}, "application_id"),
            ("deployments", {"application_id": 2**63, "label": "x"}, "application_id"),
            ("deployments", {"application_id": 1, "label": "x" * 201}, "label"),
            ("deployments", {"application_id": 1, "label": "x\0"}, "label"),
            ("deployments", {"application_id": 1, "label": "x", "extra": 1}, "extra"),
            ("numbers", {"address": "a b"}, "address"),
            ("numbers", {"address": "1", "deployment_id": -1}, "deployment_id"),
            ("trunks", {"name": "t", "host": "a b"}, "host"),
            ("trunks", {"name": "t", "host": "h", "port": 65_536}, "port"),
            ("trunks", {"name": "t", "host": "h", "channels": 0}, "channels"),
            ("trunks", {"name": "t", "host": "h", "calls_per_second": 0}, "calls_per_second"),
            ("trunks", {"name": "t", "host": "h", "prefix": "+1"}, "prefix"),
        ],
    )
    async def test_a_field(self, client, path, body, field):
        told = _problem(await client.post(f"/v1/{path}", json=body), 422)
        assert told["errors"][0]["field"] == field and told["errors"][0]["message"]

    async def test_a_body_that_is_no_json(self, client):
        headers = {"Content-Type": "application/json"}
        _problem(await client.post("/v1/trunks", content=b"{", headers=headers), 422)
        _problem(await client.post("/v1/trunks", content=b"\xff", headers=headers), 400)

    async def test_a_body_over_the_limit_that_does_not_say_so(self, client):
        async def endless():
            for _ in range(40):
                yield b"x" * (64 << 10)

        _problem(await client.post("/v1/applications", content=endless()), 413)

    async def test_a_wrong_method_names_the_right_ones(self, client):
        reply = await client.patch("/v1/trunks")
        _problem(reply, 405)
        assert reply.headers["allow"] == "GET, POST"

    @pytest.mark.parametrize(
        "path", ["nothing", "applications/0", "applications/99999999999999999999", "trunks/", "calls/%2e%2e%2fetc"]
    )
    async def test_what_is_not_there(self, client, path):
        _problem(await client.get(f"/v1/{path}"), 404)

    @pytest.mark.parametrize(
        "path",
        ["applications/abc", "deployments/<script>", "outbound/1%00", "applications?limit=0", "applications?after=-1"],
    )
    async def test_what_is_no_number(self, client, path):
        _problem(await client.get(f"/v1/{path}"), 422)

    @pytest.mark.parametrize(
        "authorization", ["", "Basic", "Basic %%%", "Bearer x", "Basic YTpi", "Basic " + "A" * 5000]
    )
    async def test_credentials(self, app, authorization):
        headers = {"Authorization": authorization} if authorization else {}
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as nobody:
            reply = await nobody.get("/v1/applications")
        _problem(reply, 401)
        assert reply.headers["www-authenticate"].startswith("Basic")

    async def test_an_address_that_is_taken(self, client, world):
        told = _problem(await client.post("/v1/numbers", json={"address": world.number}), 409)
        assert _field(told) == "address"


class TestTrunks:
    async def test_a_password_is_kept_sealed_and_never_shown(self, client, db):
        trunk = {"name": "one", "host": "192.0.2.1", "prefix": "44", "username": "ann", "password": "s3cr3t"}
        headers = {"Idempotency-Key": "sealed"}
        trunk_id = (await client.post("/v1/trunks", json=trunk, headers=headers)).json()["id"]

        async def shown() -> tuple[str, str]:
            reply = await client.get("/v1/trunks")
            assert "s3cr3t" not in reply.text
            (found,) = [one for one in reply.json() if one["id"] == trunk_id]
            return found["username"], found["password"]

        async def kept():
            row = await db.pool.fetchrow("SELECT username, sealed_password FROM trunks WHERE id = $1", trunk_id)
            return trunks.credentials(db, *row)

        assert await shown() == ("ann", "***") and (await kept()).password == "s3cr3t"
        for table in ("trunks", "idempotency_keys"):
            rows = await db.pool.fetch(f"SELECT row_to_json(t)::text AS row FROM {table} t")
            assert rows and not any("s3cr3t" in row["row"] for row in rows)
        await client.put(f"/v1/trunks/{trunk_id}", json={**trunk, "username": "bob", "password": "***"})
        assert await kept() == Credentials("bob", "s3cr3t")
        await client.put(f"/v1/trunks/{trunk_id}", json={**trunk, "password": ""})
        assert await shown() == ("ann", "") and (await kept()).password == ""

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"username": 'a"b'}, "username"),
            ({"password": "x" * 201}, "password"),
            ({"password": "a\nb"}, "password"),
            ({"password": "***"}, "password"),
        ],
    )
    async def test_who_we_cannot_be(self, client, wrong, field):
        reply = await client.post("/v1/trunks", json={"name": "t", "host": "h"} | wrong)
        told = reply.json()
        assert reply.status_code in (400, 422) and field in reply.text and "xxxx" not in reply.text, told

    @pytest.mark.parametrize(
        "network", ["0.0.0.0/0", "128.0.0.0/1", "203.0.0.0/15", "::/0", "2400::/12", "100.64.0.0/10"]
    )
    async def test_a_network_that_is_not_one_carriers(self, client, network):
        """Calls from there would be the account's, whosever they are."""
        told = _problem(await client.post("/v1/trunks", json={"name": "t", "host": "h", "addresses": [network]}), 400)
        assert _field(told) == "addresses" and network in told["detail"]

    @pytest.mark.parametrize("network", ["203.0.113.0/24", "203.0.0.0/16", "10.0.0.0/8", "2001:db8::/32", "fd00::/8"])
    async def test_a_network_that_may_be(self, client, network):
        reply = await client.post("/v1/trunks", json={"name": "t", "host": "h", "addresses": [network]})
        assert reply.status_code == 201


class TestIdempotencyKey:
    async def test_a_repeat_is_answered_and_not_carried_out(self, client):
        trunk = {"name": "one", "host": "192.0.2.1", "prefix": "44"}
        headers = {"Idempotency-Key": "k1"}
        first = await client.post("/v1/trunks", json=trunk, headers=headers)
        again = await client.post("/v1/trunks", json=trunk, headers=headers)
        assert (first.status_code, first.json()) == (again.status_code, again.json()) == (201, first.json())
        assert [one["prefix"] for one in (await client.get("/v1/trunks")).json()].count("44") == 1
        other = {**trunk, "prefix": "45"}
        _problem(await client.post("/v1/trunks", json=other, headers=headers), 422)

    async def test_many_at_once_do_it_once(self, client):
        trunk = {"name": "one", "host": "192.0.2.1", "prefix": "46"}
        replies = await asyncio.gather(
            *(client.post("/v1/trunks", json=trunk, headers={"Idempotency-Key": "k2"}) for _ in range(8))
        )
        assert {reply.status_code for reply in replies} <= {201, 409}
        assert [one["prefix"] for one in (await client.get("/v1/trunks")).json()].count("46") == 1

    async def test_what_failed_may_be_tried_again(self, client, world):
        headers = {"Idempotency-Key": "k3"}
        body = {"address": world.number}
        _problem(await client.post("/v1/numbers", json=body, headers=headers), 409)
        await client.delete("/v1/numbers/1")
        assert (await client.post("/v1/numbers", json=body, headers=headers)).status_code == 201

    async def test_a_key_is_its_accounts_own(self, client, stranger):
        trunk = {"name": "one", "host": "192.0.2.1", "prefix": "47"}
        for asker in (client, stranger):
            assert (await asker.post("/v1/trunks", json=trunk, headers={"Idempotency-Key": "k4"})).status_code == 201
            assert [one["prefix"] for one in (await asker.get("/v1/trunks")).json()].count("47") == 1

    @pytest.mark.parametrize("key", ["x" * 201, "a\tb"])
    async def test_a_key_that_is_none(self, client, key):
        trunk = {"name": "one", "host": "192.0.2.1"}
        told = _problem(await client.post("/v1/trunks", json=trunk, headers={"Idempotency-Key": key}), 400)
        assert _field(told) == "Idempotency-Key"


async def test_nothing_of_another_account_is_seen_or_changed(client, stranger, world):
    """Every route with an id, asked by somebody else for what is really there: as if it were not."""
    call = await client.post(
        f"/api/apps/{world.application_id}/{world.deployment_id}/queue", data={"phone_number": "12125550101"}
    )
    outbound_id = call.json()["call_id"]
    numbers = (await client.get("/v1/numbers")).json()
    application, deployment = f"/v1/applications/{world.application_id}", f"/v1/deployments/{world.deployment_id}"
    number, trunk = f"/v1/numbers/{numbers[0]['id']}", f"/v1/trunks/{world.trunk.id}"
    document = json.loads(json.dumps(yaml.safe_load(first_start.starter_document())))
    foreign = [
        ("GET", application, None),
        ("GET", f"{application}/draft", None),
        ("PUT", f"{application}/draft", document),
        ("POST", f"{application}/versions", None),
        ("GET", f"{application}/versions", None),
        ("GET", f"{application}/versions/1", None),
        ("DELETE", application, None),
        ("GET", deployment, None),
        ("DELETE", deployment, None),
        ("POST", "/v1/deployments", {"application_id": world.application_id, "label": "mine"}),
        ("POST", "/v1/numbers", {"address": "8005550777", "deployment_id": world.deployment_id}),
        ("PUT", f"{number}/deployment", {"deployment_id": None}),
        ("DELETE", number, None),
        ("PUT", trunk, {"name": "t", "host": "h"}),
        ("DELETE", trunk, None),
        ("GET", f"/v1/outbound/{outbound_id}", None),
        ("GET", "/v1/calls/0f0f", None),
        ("GET", "/v1/calls/0f0f/recording", None),
    ]
    for method, path, body in foreign:
        _problem(await stranger.request(method, path, json=body), 404)
    for path in ("applications", "deployments", "numbers", "trunks", "outbound", "calls"):
        mine = (await client.get(f"/v1/{path}")).json()
        theirs = (await stranger.get(f"/v1/{path}")).json()
        keys = {json.dumps(one, sort_keys=True) for one in mine} & {json.dumps(one, sort_keys=True) for one in theirs}
        assert not keys, path
        assert path == "calls" or mine, "a check of nothing"


async def test_a_new_key_replaces_the_old_one(client, app, world):
    key = (await client.post("/v1/developer-key")).json()["developer_key"]
    _problem(await client.get("/v1/trunks"), 401)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://t", auth=(world.account.email, key)) as renewed:
        assert (await renewed.get("/v1/trunks")).status_code == 200


async def test_no_cache_keeps_it_and_no_browser_guesses_its_type(client):
    reply = await client.get("/v1/trunks")
    assert (reply.headers["cache-control"], reply.headers["x-content-type-options"]) == ("no-store", "nosniff")


def _published(extra: dict) -> dict:
    modules = [
        {"name": "start", "type": "start", "exits": {"next": "say"}},
        {"name": "say", "type": "prompt", "prompt": "Hello {{ who }}.", "exits": {"next": "end"}},
        {"name": "end", "type": "exit"},
    ]
    return {"name": "Inspected", "pages": [{"name": "Main", "modules": modules}], **extra}


async def test_warnings_are_told_when_a_draft_is_published(client):
    created = (await client.post("/v1/applications", json=_published({}))).json()["id"]
    reply = await client.post(f"/v1/applications/{created}/versions")
    assert reply.status_code == 201
    assert [one["kind"] for one in reply.json()["warnings"]] == ["variable"]
    inspected = (await client.get(f"/v1/applications/{created}/inspection")).json()
    assert inspected["dependencies"]["variables"] == ["who"]
    assert [one["module"] for one in inspected["findings"]] == ["say"]


async def test_a_draft_whose_transcripts_fail_is_not_published(client):
    wrong = {"transcripts": {"greets": 'variable who = "Ann"\nhears Goodbye.\ncall ends\n', "odd": "sings\n"}}
    created = (await client.post("/v1/applications", json=_published(wrong))).json()["id"]
    reply = await client.post(f"/v1/applications/{created}/versions")
    assert reply.status_code == 409
    assert "greets" in reply.text and "Hello Ann." in reply.text and "odd" in reply.text
    right = {"transcripts": {"greets": 'variable who = "Ann"\nhears Hello Ann.\ncall ends\n'}}
    await client.put(f"/v1/applications/{created}/draft", json=_published(right))
    assert (await client.post(f"/v1/applications/{created}/versions")).status_code == 201


async def test_a_draft_with_an_endless_loop_is_not_published(client):
    document = _published({})
    document["pages"][0]["modules"][1]["exits"] = {"next": "say"}
    created = (await client.post("/v1/applications", json=document)).json()["id"]
    reply = await client.post(f"/v1/applications/{created}/versions")
    assert reply.status_code == 409 and "lead back to themselves" in reply.text
