"""What is seen of legs: kept from their beginning, written once they are over and nothing more is said of them."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, fields

from callwright.engine import metrics
from callwright.engine.clock import now
from callwright.engine.writer import Writer
from callwright.ports.leg import LegEnded
from callwright.sip.address import written
from callwright.sip.ladder import packed
from callwright.store.legs import LegRow, Role
from callwright.telephony.leg import SipLeg
from callwright.telephony.media_events import NO_AUDIO, MediaStats
from callwright.telephony.sip_trace import SipTrace

LAST_WORDS_S = 1.0
"After the end of a leg, for the answer to its BYE and what is sent once more meanwhile."

ENDING_CHARACTERS_MAX = 300
_FIGURES = tuple(field.name for field in fields(MediaStats))


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose leg it is, and of which call."""

    account_id: int
    user_id: int
    role: Role
    call_id: int | None
    outbound_call_id: int | None = None
    secret: bool = False
    "Its messages are not kept: the secure environment, or a private transfer."


class Legs:
    """The legs of one engine."""

    def __init__(self, trace: SipTrace, writer: Writer) -> None:
        self._trace, self._writer = trace, writer
        self._leaving: dict[SipLeg, tuple[asyncio.TimerHandle, Callable[[], None]]] = {}

    def follow(self, leg: SipLeg, owner: Owner) -> None:
        """Keep what is seen of a leg that has just begun, by the name of the call that it begins as."""
        first, began_at = leg.call_id, now()
        self._trace.keep(first)
        leg.on_successor = lambda call_id: self._trace.join(call_id, first)
        leg.when_closed(lambda stats, ending: self._over(leg, owner, first, began_at, stats, ending))

    def finish(self) -> None:
        """Write those that are over, now."""
        for alarm, write in list(self._leaving.values()):
            alarm.cancel()
            write()

    def _over(
        self, leg: SipLeg, owner: Owner, first: str, began_at: float, stats: MediaStats, ending: LegEnded
    ) -> None:
        ended_at = leg.ended_at
        metrics.leg_ended(stats, silent=ending.reason.startswith(NO_AUDIO))

        def write() -> None:
            del self._leaving[leg]
            messages = self._trace.take(first)
            self._writer.leg(
                LegRow(
                    sip_call_id=first,
                    began_at=began_at,
                    account_id=owner.account_id,
                    user_id=owner.user_id,
                    # An attempt of the queue that nobody answered has no call.
                    call_id=owner.call_id if leg.was_answered or owner.role != "called" else None,
                    outbound_call_id=owner.outbound_call_id,
                    role=owner.role,
                    us=written(leg.us) if messages else "",
                    ended_at=ended_at,
                    ending=f"{ending.by}: {ending.reason}"[:ENDING_CHARACTERS_MAX],
                    media=json.dumps({name: getattr(stats, name) for name in _FIGURES}),
                    messages=b"" if owner.secret else packed(messages),
                )
            )

        self._leaving[leg] = asyncio.get_running_loop().call_later(LAST_WORDS_S, write), write
