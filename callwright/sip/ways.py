"""By whom and where to a request within a dialog is sent: its ways, best first; the next is for where the one before fails.

On connections (RFC 3261 §18, RFC 5923) it is the one that the peer's newest request came on, which may be the only way to a
telephone behind a NAT. Where it has gone, another one is opened to the Contact, by the transport that this asks for; what began by
TLS stays there. A datagram that is too long goes by TCP (§18.1.1), as an INVITE does: where nothing takes the connection as a
datagram all the same, and so does all that follows in this dialog.
"""

from typing import TYPE_CHECKING

from callwright.sip.address import Address, uri
from callwright.sip.dialog import Dialog
from callwright.sip.message import Request

if TYPE_CHECKING:
    from callwright.sip.agent import Agent
    from callwright.sip.transaction import Wire

DATAGRAM_BYTES_MAX = 1_300
"A longer request goes by TCP, where the peer takes that (RFC 3261 §18.1.1): the pieces of a datagram are easily lost."

OTHER_BYTES = 500
"At most, beside what stands in the header fields of a dialog's request and in its body: Via, Contact, Allow, the ends of lines."

Way = tuple["Agent", Address]
"Who sends a request, and where to."


def ways(agent: "Agent", dialog: Dialog, request: Request) -> list[Way]:
    """At least one. `request` as the dialog made it, or as it went out before."""
    to, connection = dialog.next_hop(), dialog.connection
    if connection is None or (dialog.routes and not dialog.behind_nat):
        longer = agent.longer
        if longer is None or dialog.datagrams_only or not _is_long(agent, request) or dialog.behind_nat:
            return [(agent, to)]
        return [(longer, to), (agent, to)]
    anew = _of_contact(agent, dialog), to
    return [(agent, connection), anew] if agent.wire.connected(connection) else [anew]


def _is_long(agent: "Agent", request: Request) -> bool:
    """Whether a request is too long for a datagram; put together to know it only where it may be."""
    names = request.headers.values.items()
    size = (
        len(request.body) + len(request.uri) + sum(len(name) + len(value) for name, values in names for value in values)
    )
    return size > DATAGRAM_BYTES_MAX - OTHER_BYTES and len(agent.outgoing(request).serialize()) > DATAGRAM_BYTES_MAX


def _of_contact(agent: "Agent", dialog: Dialog) -> "Agent":
    asked = uri(dialog.target).transport
    if agent.transport != "tcp" or asked is None or dialog.behind_nat:
        return agent
    return agent.beside(asked) or agent


def acknowledge(agent: "Agent", dialog: Dialog, ack: Request) -> tuple["Wire", bytes, Address]:
    """Send the ACK of a 2xx, which nobody answers: by a connection only where there is one, or no other way. Returns what sent it,
    as sent, and where to."""
    found = ways(agent, dialog, ack)
    sender, to = next((way for way in found if way[0] is agent or way[0].wire.connected(way[1])), found[-1])
    sent = sender.wire, sender.outgoing(ack).serialize(), to
    sender.wire.send(*sent[1:])
    return sent
