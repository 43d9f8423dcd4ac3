"""A request of ours within a dialog, until it has its final answer."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from callwright.sip.dialog import Dialog
from callwright.sip.digest import Identity
from callwright.sip.message import Request, Response

if TYPE_CHECKING:
    from callwright.sip.agent import Agent


class Asking:
    """`send` it, again with our digest answer where it is challenged. An object and no closures: two of these that name each other
    are let go by the garbage collector alone, and with them the call."""

    __slots__ = ("_agent", "_answered", "_dialog", "_identity", "_request")

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

    def send(self) -> None:
        agent = self._agent
        agent.transactions.request(agent.outgoing(self._request), self._dialog.next_hop(), self._came)

    def _came(self, response: Response | None) -> None:
        if response is None:
            self._answered(None)
        elif response.status in (401, 407) and self._proves(response):
            self._request.renumber(self._dialog.next_sequence())
            self.send()
        elif response.status >= 200:
            self._answered(response)

    def _proves(self, challenge: Response) -> bool:
        return self._identity is not None and self._identity.prove(self._request, challenge)
