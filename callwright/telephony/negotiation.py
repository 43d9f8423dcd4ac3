"""What one leg offers, answers and agrees on with its far end (RFC 3264), and what that means for its media."""

import secrets
from collections.abc import Sequence

from callwright.base.errors import PeerError
from callwright.media.codec import Codec
from callwright.media.frames import RATE_HZ
from callwright.sip import sdp
from callwright.telephony import media_secure
from callwright.telephony.media_coding import FRAMES_MAX, Agreed


class Negotiation:
    """The descriptions of one leg, the newest included."""

    def __init__(self, host: str, port: int, codecs: Sequence[type[Codec]]) -> None:
        self._codecs = {known.encoding: known for known in codecs}
        formats = [sdp.Format(known.encoding, known.payload_type, known.parameters) for known in codecs]
        crypto: tuple[sdp.Crypto, ...] = ()
        if media_secure.installed():
            # A key for each suite, for as long as the leg lives.
            crypto = tuple(
                sdp.Crypto(tag, suite, secrets.token_bytes(sdp.KEY_BYTES)) for tag, suite in enumerate(sdp.SUITES, 1)
            )
        self._side = sdp.Side(host, port, formats, crypto)
        self._version = 0
        self._secure = False
        self.event_payload_type: int | None = None
        "Under which keys are sent as events; None where they come and go in other ways."

        self.informed = False
        "The far end tells keys by INFO."

    def offer(self, *, secure: bool | None = None) -> str:
        """`secure`: SRTP and nothing else; None: as before. Raises `PeerError` where it is not installed."""
        if secure is not None:
            self._secure = secure
        if self._secure and not self._side.crypto:
            raise PeerError(f"SRTP {media_secure.NEEDED}")
        self._version += 1
        return sdp.offer(self._side, version=self._version, secure=self._secure)

    def answer(self, offered: sdp.Session) -> str:
        """Raises `PeerError` where nothing fits."""
        answer = sdp.answer(offered, self._side, version=self._version + 1)
        self._version += 1
        return answer

    def agreed(self, remote: sdp.Session, *, offered: bool) -> tuple[sdp.Audio, Agreed]:
        """What the other side's description comes to. `offered`: it answers ours, so that what comes has our numbers, if
        not theirs. Raises `PeerError`."""
        audio = sdp.audio(remote, self._side)
        if offered and self._secure and audio.crypto is None:
            raise PeerError("SRTP was offered, and RTP was answered")
        self._secure = audio.crypto is not None
        codec = self._codecs[audio.format.encoding]
        sent, keys = audio.format.payload_type, audio.event_payload_type
        ours, our_keys = codec.payload_type, sdp.OUR_EVENT_PAYLOAD_TYPES[audio.event_rate_hz]
        self.event_payload_type = keys
        return audio, Agreed(
            keys,
            # Where the same number means one thing in our offer and another in the answer, ours holds for what comes.
            event_types=(our_keys, *([keys] if keys != ours else [])) if offered and keys is not None else (),
            event_ratio=audio.event_rate_hz // RATE_HZ,
            inband=not self.informed,
            codec=codec,
            payload_type=sent,
            payload_types=(ours, *([sent] if sent != our_keys else [])) if offered else (),
            rtcp=audio.rtcp,
            rtcp_mux=audio.rtcp_mux,
            heard=audio.direction not in ("recvonly", "inactive"),
            frames=max(1, min(FRAMES_MAX, audio.ptime_ms // sdp.OUR_PTIME_MS)),
            secured=self._secured(audio.crypto),
        )

    def _secured(self, theirs: sdp.Crypto | None) -> media_secure.Keys | None:
        if theirs is None:
            return None
        (ours,) = (crypto for crypto in self._side.crypto if crypto.suite == theirs.suite)
        return media_secure.Keys(theirs.suite, ours.key, theirs.key)
