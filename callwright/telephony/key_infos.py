"""Keys of one party by INFO (application/dtmf-relay, application/dtmf), which may send them as events or tones as well."""

import asyncio
import time
from collections import deque

from callwright.media.dtmf import KEYS
from callwright.sip.call import SipCall
from callwright.telephony.media_session import MediaSession
from callwright.telephony.negotiation import Negotiation

KEY_MS = 160
"How long a key is pressed that we tell, as long as one that we tell by events."

PAUSE_S = 1.0
"What `,` and `p` wait."

SAME_KEY_S = 1.0
"A press that comes in two ways comes by both within so long."

TOLD_MAX = 20
"Keys told within that time that are remembered: nobody types faster, and a program that does sends no events beside."


class KeyInfos:
    """Which of the ways that a party tells its keys in counts, so that no press counts twice; and what goes out by INFO.

        telephone events were agreed   INFO, until the first event is heard, and events from then on: a phone that is set to INFO
                                       offers events all the same, and one that sends both tells every press by them
        they were not                  tones, until the first INFO is heard, and INFO from then on: its tones may only be what
                                       a gateway let through

    The press with which it changes may come in either order: what came of it in the one way is not news in the other.
    """

    __slots__ = ("_has_events", "_told", "_tone", "_tone_at")

    def __init__(self) -> None:
        self._tone, self._tone_at = "", 0.0
        self._has_events = False
        self._told: deque[tuple[str, float]] = deque(maxlen=TOLD_MAX)
        "What counted by INFO while no event was heard, and when."

    def heard(self, key: str, described: Negotiation) -> bool:
        """A key came in the media, as an event or as tones; whether it is news."""
        now = time.monotonic()
        if described.event_payload_type is None:
            self._tone, self._tone_at = key, now
            return not described.informed
        self._has_events = True
        return not self._was_told(key, now)

    def _was_told(self, key: str, now: float) -> bool:
        """By INFO a moment ago; and so were those before it, whose events were lost."""
        recent = [told for told, at in self._told if now - at < SAME_KEY_S]
        if key not in recent:
            return False
        left = len(recent) - recent.index(key) - 1
        while len(self._told) > left:
            self._told.popleft()
        return True

    def told(self, key: str, described: Negotiation, media: MediaSession) -> bool:
        """A key came by INFO; whether it is news."""
        now = time.monotonic()
        if described.event_payload_type is not None:
            if not self._has_events:
                self._told.append((key, now))
            return not self._has_events
        if described.informed:
            return True
        described.informed = True
        media.ignore_tones()
        return self._tone != key or now - self._tone_at >= SAME_KEY_S

    def send(self, call: SipCall, keys: str) -> None:
        """One INFO for each key, the next when the one before is answered."""
        keys = keys.upper()
        dialog = call.reachable()
        if dialog is None or not keys:
            return
        if keys[0] not in KEYS:
            wait_s = PAUSE_S if keys[0] in ",P" else 0.0
            asyncio.get_running_loop().call_later(wait_s, self.send, call, keys[1:])
            return
        request = call.within("INFO")
        request.body = f"Signal={keys[0]}\r\nDuration={KEY_MS}\r\n"
        request.headers.set("content-type", "application/dtmf-relay")
        call.ask(dialog, request, lambda _: self.send(call, keys[1:]))
