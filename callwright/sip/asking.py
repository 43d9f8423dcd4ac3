"""A request of ours within a dialog, until it has its final answer: by each of its ways, should the one before fail."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from callwright.sip.dialog import Dialog
from callwright.sip.digest import Identity
from callwright.sip.message import Request, Response
from callwright.sip.ways import Way, ways

if TYPE_CHECKING:
    from callwright.sip.agent import Agent


class Asking:
    """`send` it, again with our digest answer where it is challenged. An object and no closures: two of these that name each other
    are let go by the garbage collector alone, and with them the call."""

    __slots__ = ("_agent", "_answered", "_dialog", "_identity", "_request", "_sender", "_ways")

    def __init__(
        self,
        agent: "Agent",
        dialog: Dialog,
        request: Request,
        identity: Identity | None,
        answered: Callable[[Response | None], None],
    ) -> None:
        self._agent, self._dialog, self._request = agent, dialog, request
        self._identity, self._answered = identity, answered
        self._ways: list[Way] = []
        self._sender = agent

    def send(self) -> None:
        self._ways = ways(self._agent, self._dialog, self._request)
        self._go()

    def _go(self) -> None:
        self._sender, to = self._ways.pop(0)
        request = self._sender.outgoing(self._request)
        if self._sender is not self._agent and "contact" in request.headers.values:
            # Where we are asked does not change with how one request goes.
            request.headers.set("contact", self._agent.contact)
        self._sender.transactions.request(request, to, self._came)

    def _came(self, response: Response | None) -> None:
        if response is None and self._ways and self._failed():
            # It may have arrived before the connection went: another number, or its repeat would come too late (RFC 3261 §12.2.2).
            self._request.renumber(self._dialog.next_sequence())
            self._go()
        elif response is None:
            self._answered(None)
        elif response.status in (401, 407) and self._proves(response):
            self._request.renumber(self._dialog.next_sequence())
            self.send()
        elif response.status >= 200:
            self._answered(response)

    def _failed(self) -> bool:
        """Whether it was the way that failed, and not the peer that said nothing."""
        if self._sender is self._agent.longer:
            self._dialog.datagrams_only = True
            return True
        return bool(self._sender.wire.failure)

    def _proves(self, challenge: Response) -> bool:
        return self._identity is not None and self._identity.prove(self._request, challenge)
