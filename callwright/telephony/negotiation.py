"""What one leg offers, answers and agrees on with its far end (RFC 3264), and what that means for its media."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from callwright.base.errors import PeerError
from callwright.media.codec import Codec
from callwright.media.frames import RATE_HZ
from callwright.sip import sdp
from callwright.telephony import media_secure
from callwright.telephony.media_coding import FRAMES_MAX, Agreed


@lru_cache(maxsize=8)
def _known(codecs: tuple[type[Codec], ...]) -> tuple[tuple[sdp.Format, ...], dict[str, type[Codec]]]:
    """As descriptions name them, and by that name."""
    formats = tuple(sdp.Format(known.encoding, known.payload_type, known.parameters) for known in codecs)
    return formats, {known.encoding: known for known in codecs}


class Negotiation:
    """The descriptions of one leg, the newest included."""

    def __init__(self, host: str, port: int, codecs: Sequence[type[Codec]]) -> None:
        formats, self._codecs = _known(tuple(codecs))
        self._side = sdp.Side(host, port, formats)
        self._version = 0
        self._secure = self._demanded = False
        "SRTP is spoken now; and it was we who wanted it, so that it stays."

        self._audio: sdp.Audio | None = None
        "Of the offer that we answered last."

        self.event_payload_type: int | None = None
        "Under which keys are sent as events; None where they come and go in other ways."

        self.informed = False
        "The far end tells keys by INFO."

    def offer(self, *, secure: bool | None = None) -> str:
        """`secure`: SRTP and nothing else; None: as before. Raises `PeerError` where it is not installed."""
        if secure is not None:
            self._secure = self._demanded = secure
        if self._secure:
            self._make_keys()
            if not self._side.crypto:
                raise PeerError(f"SRTP {media_secure.NEEDED}")
        self._version += 1
        return sdp.offer(self._side, version=self._version, secure=self._secure)

    def answer(self, offered: sdp.Session) -> str:
        """Raises `PeerError` where nothing fits."""
        if any(media.protocol == sdp.SECURE for media in offered.media):
            self._make_keys()
        answer, audio = sdp.answered(offered, self._side, version=self._version + 1)
        if self._demanded and audio.crypto is None:
            raise PeerError("SRTP was agreed on, and RTP is offered")
        self._audio = audio
        self._version += 1
        return answer

    def answers(self, remote: sdp.Session) -> tuple[sdp.Audio, Agreed]:
        """The other side answers our offer. Raises `PeerError`."""
        audio = sdp.audio(remote, self._side)
        if self._secure and audio.crypto is None:
            raise PeerError("SRTP was offered, and RTP was answered")
        return audio, self._agreed(audio, offered=True)

    def answered(self) -> tuple[sdp.Audio, Agreed]:
        """We have answered the other side's offer."""
        assert self._audio is not None
        return self._audio, self._agreed(self._audio, offered=False)

    def _agreed(self, audio: sdp.Audio, *, offered: bool) -> Agreed:
        """`offered`: by us, so that what comes has our numbers, if not theirs."""
        self._secure = audio.crypto is not None
        codec = self._codecs[audio.format.encoding]
        sent, keys = audio.format.payload_type, audio.event_payload_type
        ours, our_keys = codec.payload_type, sdp.OUR_EVENT_PAYLOAD_TYPES[audio.event_rate_hz]
        self.event_payload_type = keys
        return Agreed(
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

    def _make_keys(self) -> None:
        """A key for each suite, for as long as the leg lives."""
        if media_secure.installed() and not self._side.crypto:
            suites = enumerate(sdp.SUITES, 1)
            keys = tuple(sdp.Crypto(tag, suite, secrets.token_bytes(sdp.KEY_BYTES)) for tag, suite in suites)
            self._side = replace(self._side, crypto=keys)

    def _secured(self, theirs: sdp.Crypto | None) -> media_secure.Keys | None:
        if theirs is None:
            return None
        (ours,) = (crypto for crypto in self._side.crypto if crypto.suite == theirs.suite)
        return media_secure.Keys(theirs.suite, ours.key, theirs.key)
