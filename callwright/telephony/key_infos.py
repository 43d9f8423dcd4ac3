"""Keys of one party by INFO (application/dtmf-relay), which may send their tones as well."""

import asyncio
import time

from callwright.media.dtmf import KEYS
from callwright.sip.call import SipCall

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

    def is_known(self, key: str) -> bool:
        """The first key by INFO was heard as tones already."""
        return self._tone == key and time.monotonic() - self._tone_at < SAME_KEY_S

    def send(self, call: SipCall, keys: str) -> None:
        """One INFO for each key, the next when the one before is answered."""
        keys = keys.upper()
        if call.state != "confirmed" or call.dialog is None or not keys:
            return
        if keys[0] not in KEYS:
            wait_s = PAUSE_S if keys[0] in ",P" else 0.0
            asyncio.get_running_loop().call_later(wait_s, self.send, call, keys[1:])
            return
        request = call.within("INFO")
        request.body = f"Signal={keys[0]}\r\nDuration={KEY_MS}\r\n"
        request.headers.set("content-type", "application/dtmf-relay")
        call.ask(call.dialog, request, lambda _: self.send(call, keys[1:]))
