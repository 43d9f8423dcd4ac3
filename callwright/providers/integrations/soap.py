"""SOAP 1.1 and 1.2 by a WSDL. Every request goes through the guarded client, the WSDL's and its imports' too.

zeep works synchronously, so it runs in a thread and asks the event loop for what it needs. A service that was read
once is kept for some minutes: reading a WSDL takes tens of milliseconds.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from typing import Any

import zeep
from lxml import etree
from zeep.helpers import serialize_object
from zeep.transports import Transport
from zeep.wsdl.bindings import Soap11Binding, Soap12Binding
from zeep.wsdl.wsdl import Document

from callwright.base.errors import ProviderError
from callwright.base.values import Value
from callwright.providers.http import GuardedClient

BYTES_MAX = 4 << 20
"Of a WSDL, a schema or an answer."

KEPT_S = 300.0
KEPT_MAX = 50
REDIRECTS_MAX = 3


@dataclass(frozen=True, slots=True)
class SoapRequest:
    """One operation of a service."""

    wsdl: str
    operation: str
    arguments: Mapping[str, Value]
    version: str = "1.1"
    "SOAP's version, where the WSDL has ports of both."

    timeout_s: float = 10.0


class Soap:
    """Calls operations of SOAP services."""

    def __init__(self, http: GuardedClient) -> None:
        self._http = http
        self._kept: OrderedDict[str, tuple[float, Document]] = OrderedDict()

    async def call(self, request: SoapRequest) -> Value:
        """The answer's body as JSON. Raises `ProviderError`, for a fault of the service as well."""
        transport = _Transport(self._http, asyncio.get_running_loop(), request.timeout_s)
        try:
            async with asyncio.timeout(request.timeout_s):
                return await asyncio.to_thread(self._call, request, transport)
        except TimeoutError:
            raise ProviderError(f"the service did not answer within {request.timeout_s:g} s", retryable=True) from None

    def _call(self, request: SoapRequest, transport: "_Transport") -> Value:
        try:
            # What was read of a WSDL is shared between calls; the transport is not, for each has its own time.
            client: Any = zeep.Client(self._document(request.wsdl, transport), transport=transport)  # type: ignore[no-untyped-call]
            operation = _operation(client, request)
            return _as_json(serialize_object(operation(**request.arguments), dict))  # type: ignore[no-untyped-call]
        except zeep.exceptions.Fault as fault:
            raise ProviderError(f"the service answered with a fault: {fault.message}") from None
        except (zeep.exceptions.Error, etree.LxmlError, TypeError, ValueError, KeyError) as error:
            raise ProviderError(f"{request.operation}: {error}") from None

    def _document(self, wsdl: str, transport: "_Transport") -> Document:
        kept = self._kept.get(wsdl)
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]
        settings = zeep.Settings(forbid_dtd=True, forbid_entities=True, forbid_external=True, xml_huge_tree=False)
        document = Document(wsdl, transport, settings=settings)  # type: ignore[arg-type]  # zeep's own type is wrong
        self._kept[wsdl] = (time.monotonic() + KEPT_S, document)
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return document


def _operation(client: Any, request: SoapRequest) -> Any:
    """The operation, at a port of the wanted version where there is one."""
    wanted = Soap12Binding if request.version == "1.2" else Soap11Binding
    ports = [(service.name, port) for service in client.wsdl.services.values() for port in service.ports.values()]
    offering = [(name, port) for name, port in ports if request.operation in port.binding.all()]
    if not offering:
        known = sorted({name for _, port in ports for name in port.binding.all()})
        raise ValueError(f"the service has no such operation; it has {', '.join(known[:20]) or 'none'}")
    best = next(((name, port) for name, port in offering if type(port.binding) is wanted), offering[0])
    return client.bind(best[0], best[1].name)[request.operation]


class _Transport(Transport):
    """zeep's requests, by way of the event loop."""

    def __init__(self, http: GuardedClient, loop: asyncio.AbstractEventLoop, timeout_s: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._http, self._loop, self._timeout_s = http, loop, timeout_s

    def load(self, url: str) -> bytes:
        reply = self._request("GET", url, b"", {})
        if not 200 <= reply.status_code < 300:
            raise ProviderError(f"{url} answered {reply.status_code}")
        return reply.content

    def post(self, address: str, message: bytes, headers: Mapping[str, str]) -> "_Reply":
        return self._request("POST", address, message, headers)

    def _request(self, method: str, url: str, content: bytes, headers: Mapping[str, str]) -> "_Reply":
        asked = self._http.request(
            method,
            url,
            headers=tuple(headers.items()),
            content=content,
            timeout_s=self._timeout_s,
            max_bytes=BYTES_MAX,
            redirects_max=REDIRECTS_MAX if method == "GET" else 0,
        )
        reply = asyncio.run_coroutine_threadsafe(asked, self._loop).result(self._timeout_s)
        return _Reply(reply.status, {name.title(): value for name, value in reply.headers}, reply.body)


@dataclass(frozen=True, slots=True)
class _Reply:
    """What zeep reads of an answer."""

    status_code: int
    headers: dict[str, str]
    content: bytes
    encoding: str = "utf-8"


def _as_json(value: Any) -> Value:
    if isinstance(value, dict):
        return {str(name): _as_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(item) for item in value]
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date | datetime | time_of_day):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)
