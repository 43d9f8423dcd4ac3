"""The server that is examined, and how it is asked. Nothing here knows how ours works inside."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import httpx
from lxml import etree

Need = Literal["deployment", "number", "dev", "pin"]
"A deployment to ask about; leave to queue calls to a number; credentials of DEV; and of DEV outbound."

ABSENT = 999_999_999_999
"An id that nothing has."

A_DAY_S = 86_400
WINDOW_S = 60
SHOWN_MAX = 200
"Characters of a reply in a reason."


class Unexpected(Exception):
    """A reply that cannot be read as what it should be. The message says so."""


@dataclass
class Target:
    """A server, who asks, and what may be asked of it."""

    client: httpx.AsyncClient
    "With the server's base URL."

    user: str
    key: str
    application_id: int = 0
    deployment_id: int = 0
    "0: none was named."

    number: str = ""
    "Calls may be queued to it; empty: none are."

    dev_login: str = ""
    dev_password: str = ""
    dev_pin: str = ""
    has_queued: bool = False
    "Something that a rule has queued is not cancelled yet."

    def has(self, need: Need) -> bool:
        if need in ("dev", "pin"):
            return bool(self.dev_login and (self.dev_password if need == "dev" else self.dev_pin))
        return bool(self.deployment_id) and (need == "deployment" or bool(self.number))

    # -- asking ----------------------------------------------------------------------------------

    async def fuse(self, method: str, path: str, *, xml: bool = False, **more: Any) -> httpx.Response:
        """A request with the Fuse credentials, for JSON unless `xml`."""
        return await self.ask(method, path, xml=xml, auth=(self.user, self.key), **more)

    async def dev(self, path: str, *, xml: bool = False, **more: Any) -> httpx.Response:
        return await self.ask("GET", path, xml=xml, auth=(self.dev_login, self.dev_password), **more)

    async def ask(self, method: str, path: str, *, xml: bool = False, **more: Any) -> httpx.Response:
        """A request with the credentials that `more` has, or none."""
        headers = {"Accept": "application/xml" if xml else "application/json", **more.pop("headers", {})}
        return await self.client.request(method, path, headers=headers, **more)

    def of_deployment(self, what: str) -> str:
        return f"/api/apps/{self.application_id}/{self.deployment_id}/{what}"

    def tomorrow(self) -> dict[str, str]:
        """Fields of a call that nothing dials while we are here."""
        start = int(time.time()) + A_DAY_S
        return {"start_timestamp": str(start), "end_timestamp": str(start + WINDOW_S)}

    async def queue(
        self, phone_number: str = "", *, fields: Mapping[str, str] = MappingProxyType({}), xml: bool = False
    ) -> httpx.Response:
        """A queue request as multipart, as the documents have it. What it queues is cancelled in the end."""
        sent = {"phone_number": phone_number or self.number, **self.tomorrow(), **fields}
        files = {name: (None, value) for name, value in sent.items()}
        reply = await self.fuse("POST", self.of_deployment("queue"), xml=xml, files=files)
        self._note(reply)
        return reply

    async def bulk(self, csv: str) -> httpx.Response:
        reply = await self.fuse(
            "POST",
            self.of_deployment("bulk_queue"),
            files={"csv": ("contacts.csv", csv.encode(), "text/csv")},
            data=self.tomorrow(),
        )
        self._note(reply)
        return reply

    def _note(self, reply: httpx.Response) -> None:
        if reply.status_code == 200:
            self.has_queued = True

    async def cancel(self) -> httpx.Response:
        """Cancel all that waits on the deployment."""
        reply = await self.fuse("DELETE", self.of_deployment("cancel"))
        if reply.status_code == 202:
            self.has_queued = False
        return reply


def read_json(reply: httpx.Response) -> Any:
    """The body. Raises `Unexpected` where it is not what its Content-Type should say."""
    _check_type(reply, "application/json")
    try:
        return json.loads(reply.text)
    except ValueError:
        raise Unexpected(f"the body is no JSON: {shown(reply)}") from None


def read_xml(reply: httpx.Response) -> "etree._Element":
    """The root element."""
    _check_type(reply, "application/xml")
    try:
        return etree.fromstring(reply.content, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        raise Unexpected(f"the body is no XML: {shown(reply)}") from None


def _check_type(reply: httpx.Response, media_type: str) -> None:
    found = reply.headers.get("content-type", "")
    if found.partition(";")[0].strip() != media_type:
        raise Unexpected(f"{reply.status_code} with Content-Type {found or '(none)'} instead of {media_type}")


def shown(reply: httpx.Response) -> str:
    """A reply in a few words."""
    text = reply.text if len(reply.text) <= SHOWN_MAX else f"{reply.text[:SHOWN_MAX]}…"
    return f"{reply.status_code} {text}".strip()
