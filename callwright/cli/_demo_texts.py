"""Text messages, shown step by step: one goes out and is delivered, is answered, and texts are stopped by a word."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from callwright.base.errors import CallwrightError

POLL_S = 0.03


class TextsFailed(CallwrightError):
    """A step did not do what it should."""


@dataclass
class Texts:
    """The texts of the demo, between the platform's number and a built-in handset. `show` has a bound from outside."""

    api: httpx.AsyncClient
    ready: dict[str, Any]
    say: Callable[[str], None]

    async def show(self) -> None:
        # Another handset each time: what the last one has stopped stays stopped.
        self._handset = f"1212555{secrets.randbelow(90) + 10}{secrets.randbelow(90) + 10}"
        await self._delivered("See you on Tuesday at half past ten?")
        await self._comes("Yes, I will be there")
        await self._comes("STOP")
        confirmed = await self._until(lambda one: one["direction"] == "outbound" and "unsubscribed" in one["body"])
        self.say(f"  handset gets: {confirmed['body']}")
        (refused,) = await self._send("One more thing")
        if refused["status"] != "failure":
            raise TextsFailed(f"a text to somebody who has stopped them is {refused['status']}")
        self.say(f"POST /v1/messages -> {refused['status']}: {refused['cause']}")

    async def _delivered(self, body: str) -> None:
        (sent,) = await self._send(body)
        self.say(f"POST /v1/messages to {self._handset} -> {sent['status']}")
        found = await self._until(
            lambda one: one["sms_message_id"] == sent["sms_message_id"] and one["delivery"] == "delivered"
        )
        self.say(f"  handset gets: {found['body']} ({found['delivery']})")

    async def _send(self, body: str) -> list[dict[str, Any]]:
        text = {"sender": self.ready["sms_number"], "to": self._handset, "body": body}
        reply = await self.api.post("/v1/messages", json=text)
        if reply.status_code != 201:
            raise TextsFailed(f"POST /v1/messages answered {reply.status_code} {reply.text}")
        sent: list[dict[str, Any]] = reply.json()["messages"]
        return sent

    async def _comes(self, body: str) -> None:
        text = {"from": self._handset, "to": self.ready["sms_number"], "body": body}
        reply = await self.api.post(self.ready["sms_inbound_url"], data=text)
        if reply.status_code != 204:
            raise TextsFailed(f"the handset's text was answered {reply.status_code} {reply.text}")
        await self._until(lambda one: one["direction"] == "inbound" and one["body"] == body)
        self.say(f"  handset writes: {body}")

    async def _until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The newest text from or to the handset that is as wanted, once there is one."""
        while True:
            reply = await self.api.get("/v1/messages", params={"number": self._handset})
            for one in reply.json():
                if wanted(one):
                    return dict(one)
            await asyncio.sleep(POLL_S)
