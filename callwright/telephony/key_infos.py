"""Keys of one party by INFO (application/dtmf-relay), which may send their tones as well."""

import asyncio
import time

from callwright.media.dtmf import KEYS
from callwright.sip.call import SipCall
from callwright.telephony.media_session import MediaSession
from callwright.telephony.negotiation import Negotiation

KEY_MS = 160
"How long a key is pressed that we tell, as long as one that we tell by events."

PAUSE_S = 1.0
"What `,` and `p` wait."

SAME_KEY_S = 1.0
"The first key that comes by INFO may have been heard before as tones, so long ago at most."


class KeyInfos:
    """What came as tones, until the first INFO; and what goes out by INFO."""

    __slots__ = ("_tone", "_tone_at")

    def __init__(self) -> None:
        self._tone, self._tone_at = "", 0.0

    def heard(self, key: str) -> None:
        """A key came as tones."""
        self._tone, self._tone_at = key, time.monotonic()

    def told(self, key: str, described: Negotiation, media: MediaSession) -> bool:
        """A key came by INFO; whether it is one, and news."""
        if described.event_payload_type is not None:
            return False
        if described.informed:
            return True
        # Whoever tells keys by INFO may send their tones as well: from now on the tones mean nothing.
        described.informed = True
        media.ignore_tones()
        return self._tone != key or time.monotonic() - self._tone_at >= SAME_KEY_S

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
