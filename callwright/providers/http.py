"""HTTP to wherever a user says, kept from where a user must not reach.

The address is checked where the connection is made, on what the name resolved to at that moment: so neither a
redirect nor a name that changes its address between check and use gets round it. Nothing is asked of proxies,
cookies or compression: what we ask for is what comes, and its length is counted as it comes.
"""

import asyncio
import ipaddress
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpcore

from callwright.base.errors import ProviderError

CONNECTIONS_MAX = 200
URL_MAX = 8_000
ADDRESSES_MAX = 4
"Addresses of a name that are tried, one after the other."

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ALWAYS_REFUSED = (ipaddress.ip_network("0.0.0.0/8"), ipaddress.ip_network("100.64.0.0/10"))
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class HttpReply:
    """An answer, whatever its status."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    url: str
    "Where it came from, after redirects."


class Unreachable(Exception):
    """The address may not be reached, by our own rules."""


class Guard:
    """Which addresses may be reached."""

    def __init__(self, allow: Sequence[str], loopback: bool) -> None:
        self._allowed = [ipaddress.ip_network(cidr, strict=False) for cidr in allow]
        self._loopback = loopback

    def permits(self, address: IpAddress) -> bool:
        plain = _unmapped(address)
        if any(plain in network for network in self._allowed if network.version == plain.version):
            return True
        if plain.is_loopback:
            return self._loopback
        if any(plain in network for network in _ALWAYS_REFUSED if network.version == plain.version):
            return False
        return plain.is_global and not plain.is_multicast

    async def addresses(self, host: str, port: int) -> list[IpAddress]:
        """Those of a name that may be reached, at least one, the preferred first. Raises `OSError` for a name that has none, and
        `Unreachable`. Connect to these, and not to the name: it may mean another address a moment later."""
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=1)
        addresses = [ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in found]
        permitted = [address for address in addresses if self.permits(address)]
        if not permitted:
            first = _unmapped(addresses[0])
            raise Unreachable(
                f"{host} is at the private address {first}; allow it with --allow-url {first}/{first.max_prefixlen}"
            )
        return permitted[:ADDRESSES_MAX]


def _unmapped(address: IpAddress) -> IpAddress:
    """The IPv4 address inside an IPv6 one that only wraps it."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return inner
        if address in ipaddress.ip_network("64:ff9b::/96"):
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


class _GuardedBackend(httpcore.AnyIOBackend):
    """Resolves, checks, and connects to what was checked."""

    def __init__(self, guard: Guard) -> None:
        super().__init__()
        self._guard = guard

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            addresses = await self._guard.addresses(host, port)
        except OSError as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved: {error.strerror or error}") from None
        for address in addresses:
            try:
                return await super().connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed


class GuardedClient:
    """An HTTP client for URLs that users gave. `allow`: CIDRs; `loopback`: whether our own machine may be reached."""

    def __init__(self, allow: Sequence[str], loopback: bool) -> None:
        self.guard = Guard(allow, loopback)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=CONNECTIONS_MAX,
            keepalive_expiry=5.0,
            network_backend=_GuardedBackend(self.guard),
        )

    async def aclose(self) -> None:
        await self._pool.aclose()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Iterable[tuple[str, str]] = (),
        content: bytes = b"",
        timeout_s: float,
        max_bytes: int,
        redirects_max: int = 3,
    ) -> HttpReply:
        """One request, redirects followed, all within `timeout_s`. Raises `ProviderError` with a reason for the author."""
        sent = list(headers)
        try:
            async with asyncio.timeout(timeout_s):
                for _ in range(redirects_max + 1):
                    reply = await self._once(method, _checked(url), sent, content, max_bytes)
                    location = next((value for name, value in reply.headers if name.lower() == "location"), "")
                    if reply.status not in _REDIRECTS or not location:
                        return reply
                    target = urljoin(url, location)
                    if _origin(target) != _origin(url):
                        # What was meant for one server is not for another.
                        sent = [
                            (name, value) for name, value in sent if name.lower() not in ("authorization", "cookie")
                        ]
                    url = target
                    if reply.status == 303 or (reply.status in (301, 302) and method == "POST"):
                        method, content = "GET", b""
                        sent = [(name, value) for name, value in sent if name.lower() != "content-type"]
        except TimeoutError:
            raise ProviderError(f"no answer within {timeout_s:g} s", retryable=True) from None
        raise ProviderError(f"more than {redirects_max} redirects")

    async def _once(
        self, method: str, url: str, headers: list[tuple[str, str]], content: bytes, max_bytes: int
    ) -> HttpReply:
        parts = urlsplit(url)
        fields = [("Host", parts.netloc), ("User-Agent", "Callwright"), ("Accept", "*/*")]
        given = {name.lower() for name, _ in headers}
        fields = [field for field in fields if field[0].lower() not in given]
        if content or method in ("POST", "PUT"):
            fields.append(("Content-Length", str(len(content))))
        try:
            encoded = [(name.encode("ascii"), value.encode()) for name, value in [*fields, *headers]]
            async with self._pool.stream(method, url, headers=encoded, content=content) as response:
                body = bytearray()
                async for piece in response.aiter_stream():
                    body += piece
                    if len(body) > max_bytes:
                        raise ProviderError(f"the answer is longer than {max_bytes} bytes")
                answered = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers)
                return HttpReply(response.status, answered, bytes(body), url)
        except Unreachable as error:
            raise ProviderError(str(error), unsent=True) from None
        except (httpcore.LocalProtocolError, UnicodeEncodeError) as error:
            raise ProviderError(f"the request cannot be sent: {error}", unsent=True) from None
        except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout) as error:
            raise ProviderError(
                f"{parts.hostname}:{_port(parts)} cannot be reached: {error}", retryable=True, unsent=True
            ) from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
            raise ProviderError(f"{parts.hostname}:{_port(parts)} cannot be reached: {error}", retryable=True) from None


def _checked(url: str) -> str:
    """Raises `ProviderError` for a URL that is not plain http or https."""
    try:
        parts = urlsplit(url)
        _port(parts)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and len(url) <= URL_MAX
    except ValueError:
        fine = False
    if not fine:
        raise ProviderError(f"{url[:200]!r} is not an http or https URL")
    if parts.username or parts.password:
        raise ProviderError("a URL must not hold a user name or password")
    return url


def is_http_url(url: str) -> bool:
    """Whether a request could be made to it at all; says nothing of whether its address is allowed."""
    try:
        _checked(url)
    except ProviderError:
        return False
    return True


def _port(parts: Any) -> int:
    return int(parts.port or (443 if parts.scheme == "https" else 80))


def _origin(url: str) -> tuple[str, str | None, int]:
    parts = urlsplit(url)
    try:
        return parts.scheme, parts.hostname, _port(parts)
    except ValueError:
        return parts.scheme, None, 0
