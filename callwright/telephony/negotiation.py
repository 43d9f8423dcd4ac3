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

FREE = "sendrecv"
"The direction of a stream that nobody holds."


@lru_cache(maxsize=64)
def _known(codecs: tuple[type[Codec], ...]) -> tuple[tuple[sdp.Format, ...], dict[str, type[Codec]]]:
    """As descriptions name them, and by that name."""
    formats = tuple(sdp.Format(known.encoding, known.payload_type, known.parameters) for known in codecs)
    return formats, {known.encoding: known for known in codecs}


class Negotiation:
    """The descriptions of one leg, the newest included."""

    def __init__(self, host: str, port: int, codecs: Sequence[type[Codec]], *, chooses: bool = False) -> None:
        """`chooses`: of an offer the first of these codecs is taken, and not the first of the other side's."""
        formats, self._codecs = _known(tuple(codecs))
        self._side = sdp.Side(host, port, formats, (), chooses)
        self._version = 0
        self._secure = self._demanded = False
        "SRTP is spoken now; and it was we who wanted it, so that it stays."

        self._audio: sdp.Audio | None = None
        "Of the offer that we answered last."

        self.event_payload_type: int | None = None
        "Under which keys are sent as events; None where they come and go in other ways."

        self.informed = False
        "The far end tells keys by INFO."

        self.held = FREE
        "`sendonly` or `inactive` while the far end has put us on hold: with music of its own, or without."

        self._wanted = self._told = self._asked = FREE
        """What the other end of a bridge leaves us to say of ourselves; what of it the far end has agreed to, and what it was
        asked last."""

        self._offered = "", FREE
        "Our last offer that was a whole one, and what it said."

        self._said = self._agreed_on = FREE
        "Our direction in the description that the far end has of us, and what its own leaves of it."

        self._is_stubborn = False
        "It refused to be told."

        self._sent = ""
        "The description that we gave last."

        self._ours = True
        "The numbers in it are."

    def offer(self, *, secure: bool | None = None) -> str:
        """`secure`: SRTP and nothing else; None: as before. Raises `PeerError` where it is not installed."""
        if secure is not None:
            self._secure = self._demanded = secure
        if self._secure:
            self._make_keys()
            if not self._side.crypto:
                raise PeerError(f"SRTP {media_secure.NEEDED}")
        self._version += 1
        self._said = self._told = self._wanted
        self._ours = True
        self._sent = sdp.offer(self._side, version=self._version, secure=self._secure, direction=self._wanted)
        self._offered = self._sent, self._wanted
        return self._sent

    def answer(self, offered: sdp.Session) -> str:
        """Raises `PeerError` where nothing fits."""
        if any(media.protocol == sdp.SECURE for media in offered.media):
            self._make_keys()
        answer, audio = sdp.answered(offered, self._side, version=self._version + 1, most=self._wanted)
        if self._demanded and audio.crypto is None:
            raise PeerError("SRTP was agreed on, and RTP is offered")
        self._audio = audio
        self._version += 1
        self._sent, self._ours, self._told = answer, False, self._wanted
        if audio.direction != "inactive" or self._agreed_on != "inactive":
            # Else it only says what is so already, by whosever wish.
            self._holds(audio.direction)
        self._said = self._agreed_on = sdp.narrowed(sdp.mirrored(audio.direction), self._wanted)
        return answer

    def answers(self, remote: sdp.Session, *, changed: bool = False) -> tuple[sdp.Audio, Agreed]:
        """The other side answers our offer, or what `changed` gave it. Raises `PeerError`."""
        if changed:
            self._said = self._told = self._asked
        audio = sdp.audio(remote, self._side)
        if self._secure and audio.crypto is None:
            raise PeerError("SRTP was offered, and RTP was answered")
        if self._said == FREE:
            # To an offer that is narrower, the answer says little of what the far end would like.
            self._holds(audio.direction)
        self._agreed_on = sdp.narrowed(self._said, sdp.mirrored(audio.direction))
        return audio, self._agreed(audio, offered=self._ours or not changed)

    def answered(self) -> tuple[sdp.Audio, Agreed]:
        """We have answered the other side's offer."""
        assert self._audio is not None
        return self._audio, self._agreed(self._audio, offered=False)

    # -- hold ----------------------------------------------------------------------------------

    def _holds(self, direction: str) -> None:
        self.held = direction if direction in ("sendonly", "inactive") else FREE

    def leave(self, direction: str) -> bool:
        """From now on we say no more of ourselves than this; whether the far end has to be told (`changed`)."""
        self._wanted = FREE if self._is_stubborn else direction
        return self._wanted != self._told

    def changed(self) -> str:
        """An offer that tells the far end in which direction we are now; empty where it knows."""
        if self._wanted == self._told:
            return ""
        self._version += 1
        self._asked = self._wanted
        return sdp.turned(self._sent, self._asked, version=self._version)

    def answered_by(self, description: str) -> None:
        """Whom we dialled has answered, with this description of ours: not always the same as was told of a hold before."""
        offer, direction = self._offered
        if description == offer:
            self._sent, self._ours = offer, True
            self._said = self._told = direction

    def refused(self) -> None:
        """The far end does not take what `changed` gave it: it is told of no other hold."""
        self._is_stubborn, self._wanted = True, FREE

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
            heard=self._agreed_on in (FREE, "recvonly"),
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
