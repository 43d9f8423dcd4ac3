"""What was seen of a call's legs: SIP messages and figures of the media. Kept as long as detailed logs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from callwright.services import retention
from callwright.sip import pcap
from callwright.sip.address import Address
from callwright.sip.ladder import Message, drawn, unpacked
from callwright.store import legs as store
from callwright.store.database import Database
from callwright.store.legs import LegRow, Role
from callwright.store.scope import Scope

UNKNOWN = ("0.0.0.0", 5060)
"Ours, where nothing was seen of it."


@dataclass(frozen=True, slots=True)
class Leg:
    """One party of a call, as it was."""

    role: Role
    sip_call_id: str
    began_at: float
    ended_at: float
    ending: str
    answered: bool
    media: dict[str, Any]
    "`telephony.media_events.MediaStats`, without what it has not."

    messages: list[Message]
    us: Address

    @property
    def ladder(self) -> list[str]:
        return drawn(self.messages)


async def of_call(db: Database, scope: Scope, call_id: int) -> list[Leg]:
    """Of a call (its own id): the caller, or who was called, and those to whom it was transferred."""
    since = (await retention.kept(db, scope)).details_since
    return [_leg(row) for row in await store.of(db, scope, call_id=call_id, since=since)]


async def of_outbound(db: Database, scope: Scope, outbound_call_id: int) -> list[Leg]:
    """Of all attempts of an outbound call, also of those that nobody answered."""
    since = (await retention.kept(db, scope)).details_since
    return [_leg(row) for row in await store.of(db, scope, outbound_call_id=outbound_call_id, since=since)]


def capture(legs: Sequence[Leg]) -> bytes:
    """Their messages as one file, in order of time."""
    everything = sorted(
        ((message, leg.us) for leg in legs for message in leg.messages), key=lambda one: (one[0].at, one[0].sent)
    )
    return pcap.capture(everything)


def _leg(row: LegRow) -> Leg:
    host, _, port = row.us.rpartition(":")
    host = host.strip("[]")
    media = json.loads(row.media)
    return Leg(
        row.role,
        row.sip_call_id,
        row.began_at,
        row.ended_at,
        row.ending,
        # Of one that nobody answered no audio was ever agreed on.
        row.call_id is not None and bool(media.get("codec", True)),
        media,
        unpacked(row.messages),
        (host, int(port)) if host else UNKNOWN,
    )
