"""The guarded HTTP client: where it goes, where it does not, and what it survives."""

import asyncio
import ipaddress

import pytest

from callwright.base.errors import ProviderError
from callwright.providers.http import Guard, GuardedClient, is_http_url
from callwright.testing.receiver import Answer, Receiver

pytestmark = pytest.mark.wire


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3", "172.16.0.1", "192.168.1.1", "127.0.0.1", "127.9.9.9", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "::ffff:10.0.0.1",
        "::ffff:127.0.0.1", "2002:0a00:0001::", "64:ff9b::10.0.0.1",
    ],
)  # fmt: skip
def test_refused(address):
    assert not Guard((), loopback=False).permits(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_permitted(address):
    assert Guard((), loopback=False).permits(ipaddress.ip_address(address))


def test_allowed_networks():
    guard = Guard(("10.1.0.0/16", "fd00::/8"), loopback=False)
    assert guard.permits(ipaddress.ip_address("10.1.2.3"))
    assert guard.permits(ipaddress.ip_address("fd12::1"))
    assert not guard.permits(ipaddress.ip_address("10.2.0.1"))
    assert Guard((), loopback=True).permits(ipaddress.ip_address("127.0.0.1"))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://x.test/",
        "http://",
        "http://u:p@x.test/",
        "//x.test",
        "http://x.test:0x50/",
        "http://[",
        "file:///etc/passwd",
    ],
)
def test_no_url(url):
    assert not is_http_url(url)


@pytest.fixture
async def client():
    opened = GuardedClient((), loopback=True)
    yield opened
    await opened.aclose()


async def _get(client, url, **settings):
    return await client.request("GET", url, **{"timeout_s": 2, "max_bytes": 1000} | settings)


async def test_an_answer(client):
    async with Receiver(lambda _: Answer(status=404, body=b"none")) as receiver:
        reply = await _get(client, receiver.url("/x"), headers=[("X-One", "1")])
    assert (reply.status, reply.body, reply.url) == (404, b"none", receiver.url("/x"))
    assert receiver.received[0].headers["x-one"] == "1"


async def test_too_long(client):
    async with Receiver(lambda _: Answer(body=b"x" * 1001)) as receiver:
        with pytest.raises(ProviderError, match="longer than 1000 bytes"):
            await _get(client, receiver.url())


async def test_hangs(client):
    async with Receiver(lambda _: Answer(hangs=True)) as receiver:
        with pytest.raises(ProviderError, match=r"no answer within 0.2 s"):
            await _get(client, receiver.url(), timeout_s=0.2)


async def test_nobody_there(client):
    with pytest.raises(ProviderError, match=r"127.0.0.1:1 cannot be reached"):
        await _get(client, "http://127.0.0.1:1/")


async def test_a_redirect_does_not_carry_credentials_to_another_server(client):
    async with Receiver() as other:

        def away(_):
            return Answer(status=307, headers=(("Location", other.url("/there")),))

        async with Receiver(away) as receiver:
            await _get(client, receiver.url(), headers=[("Authorization", "Basic secret"), ("X-Mine", "1")])
        (request,) = await other.wait_for("/there")
    assert "authorization" not in request.headers
    assert request.headers["x-mine"] == "1"


async def test_a_redirect_to_a_private_address(client):
    async with Receiver(lambda _: Answer(status=302, headers=(("Location", "http://10.0.0.1/"),))) as receiver:
        with pytest.raises(ProviderError, match="private address"):
            await _get(client, receiver.url())


async def test_a_name_that_leads_inside(client):
    guarded = GuardedClient((), loopback=False)
    with pytest.raises(ProviderError, match="localhost is at the private address"):
        await _get(guarded, "http://localhost:9/")
    await guarded.aclose()


@pytest.mark.parametrize(
    "reply", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 999999 X\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"]
)
async def test_a_server_that_speaks_no_http(client, reply):
    async def serve(_, writer):
        writer.write(reply)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    with pytest.raises(ProviderError):
        await _get(client, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    server.close()
