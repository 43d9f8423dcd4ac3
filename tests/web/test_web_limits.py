"""Bodies that are too large, too slow, or made to hurt a parser, answered in the form of the surface that was asked."""

import asyncio
import base64

import pytest
from lxml import etree
from served import served
from starlette.responses import PlainTextResponse

from callwright.web.limits import BODY_BYTES_MAX, BodyLimit

QUEUE = "/api/apps/1/1/queue"
LAUGHS = (
    b"""<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">%s]><phone_number>&z;</phone_number>"""
    % b"".join(b'<!ENTITY %c "%s">' % (name, b"&%c;" % (name - 1) * 10) for name in range(ord("b"), ord("z") + 1))
)
"Ten to the power of 26 letters, once its entities are put in."


TOO_LARGE = f"The request body is larger than {BODY_BYTES_MAX} bytes."


async def _endless():
    for _ in range(40):
        yield b"x" * (BODY_BYTES_MAX // 20)


@pytest.mark.store
@pytest.mark.parametrize("sent", [b"x" * (BODY_BYTES_MAX + 1), _endless], ids=["as it says", "without saying so"])
async def test_a_huge_body_is_refused(client, sent):
    headers = {"Content-Type": "application/json", "Accept": "application/xml"}
    reply = await client.post(QUEUE, headers=headers, content=sent if isinstance(sent, bytes) else sent())
    assert (reply.status_code, reply.headers["connection"]) == (413, "close")
    assert reply.text == f'<?xml version="1.0"?><result><error>{TOO_LARGE}</error></result>'


@pytest.mark.store
async def test_a_refusal_has_the_form_of_the_surface(client):
    huge = b"x" * (BODY_BYTES_MAX + 1)
    assert (await client.post(QUEUE, content=huge)).json() == {"error": TOO_LARGE}
    assert (await client.post("/v1/trunks", content=huge)).json()["detail"] == TOO_LARGE
    path = "/ws/application/setASR/8005550111"
    assert (await client.post(path, content=huge)).json() == {"status": "failure", "error": TOO_LARGE}
    root = etree.fromstring((await client.post(path, content=huge, headers={"Accept": "application/xml"})).content)
    assert [child.tag for child in root] == ["status", "error"]


@pytest.mark.store
async def test_xml_with_entities_is_not_unfolded(client, db, world):
    """Fuse takes no XML: such a body has no fields, and is not parsed at all."""
    path = f"/api/apps/{world.application_id}/{world.deployment_id}/queue"
    reply = await client.post(path, content=LAUGHS, headers={"Content-Type": "application/xml"})
    assert (reply.status_code, reply.json()) == (400, {"error": "phone_number is missing or invalid."})
    reply = await client.post(path, data={"phone_number": "6175551234", "metadata": LAUGHS.decode()})
    assert (reply.status_code, reply.json()) == (400, {"error": "metadata must be a JSON object."})


@pytest.mark.pure
@pytest.mark.parametrize(("limit_s", "sent"), [(0.05, [b"a"]), (0.05, [])])
async def test_a_slow_body_is_refused(limit_s, sent):
    """The rest of the body never comes."""
    answered = []

    def refusal(_, status, limit):
        return PlainTextResponse(str(limit), status)

    async def app(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        raise AssertionError("the body ended")

    waiting = [{"type": "http.request", "body": part, "more_body": True} for part in sent]

    async def receive():
        return waiting.pop(0) if waiting else await asyncio.Event().wait()

    async def send(message):
        answered.append(message)

    scope = {"type": "http", "path": "/api/x", "method": "POST", "headers": [(b"content-length", b"10")]}
    await asyncio.wait_for(BodyLimit(app, refusal, limit_s)(scope, receive, send), 10)
    assert answered[0]["status"] == 408
    assert (b"connection", b"close") in answered[0]["headers"]


@pytest.mark.wire
async def test_an_upload_that_is_cut_off_queues_nothing(config, db, world):
    """On a real socket: a client that goes away in the middle, and a server that is killed in the middle."""
    path = f"/api/apps/{world.application_id}/{world.deployment_id}/bulk_queue"
    head = b'--b\r\nContent-Disposition: form-data; name="csv"; filename="c.csv"\r\n\r\ndestination\n'
    rows = b"6175551234\n" * 50_000
    credentials = base64.b64encode(f"{world.account.email}:{world.account.developer_key}".encode()).decode()
    async with served(config) as (url, process):
        host, port = url.removeprefix("http://").split(":")

        async def begin(length: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(
                f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic {credentials}\r\n"
                f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {length}\r\n\r\n".encode()
            )
            writer.write(head + rows)
            await writer.drain()
            return reader, writer

        _, writer = await begin(len(head + rows) + 100)
        writer.close()
        await writer.wait_closed()
        end = b"\r\n--b--\r\n"
        _, writer = await begin(len(head + rows + end))
        writer.write(end)
        await writer.drain()
        # Its rows are being stored: some statement has been seen in the transaction.
        async with asyncio.timeout(60):
            while not await db.pool.fetchval(  # noqa: ASYNC110 - a transaction of another process tells nobody
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_xid IS NOT NULL"
            ):
                await asyncio.sleep(0.005)
        process.kill()
        await process.wait()
        writer.close()
    assert await db.pool.fetchval("SELECT count(*) FROM outbound_calls") == 0
