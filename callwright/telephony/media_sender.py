"""What a stream sends: prompts, keys, and what the other party of a bridge says. Everything here runs in the plane's thread.

Keys go before audio, and audio waits meanwhile. Before `connect` everything waits; on hold, audio and keys run on unheard,
so that the program does not stand still. RTP timestamps are the clock plus a random offset: a pause in sending is a pause
in timestamps, and the first packet after it carries the marker bit (RFC 3551 §4.1).
"""

import random
import socket
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, cycle

from callwright.media import rtp
from callwright.media.callee import CalleeDetector
from callwright.media.dtmf import KeyPacket, key_packets
from callwright.media.frames import FRAME_BYTES
from callwright.media.inband import key_frames
from callwright.media.rtcp import Sent
from callwright.media.utterance import UtteranceDetector
from callwright.ports.leg import Frames, PlayEnded, Slot
from callwright.telephony.media_coding import Coding
from callwright.telephony.media_events import MediaEvent
from callwright.telephony.media_latch import Address
from callwright.telephony.recorder import Recording

Told = tuple[Callable[[MediaEvent], None], MediaEvent]
"Whom to tell what."

FRAME_SAMPLES = FRAME_BYTES
_NO_MORE_KEYS = KeyPacket(b"", marker=False, age=0)

_pack = rtp.HEADER.pack
secret = random.SystemRandom()
"RTP's numbers begin at random, so that a stranger cannot guess them (RFC 3550 §5.1)."


class Sender:
    """The sending half of a stream."""

    __slots__ = (
        "_audio",
        "_coding",
        "_connected",
        "_destination",
        "_event_payload_type",
        "_first_sequence",
        "_held",
        "_keys",
        "_mark",
        "_octets",
        "_odd",
        "_odd_packets",
        "_out",
        "_pinned_send",
        "_recordings",
        "_relay_offset",
        "_send_errors",
        "_sendto",
        "_sent_at",
        "_sequence",
        "_ssrc",
        "_stamp_offset",
        "_taps",
        "on_event",
        "sock",
    )

    def __init__(self, sock: socket.socket, on_event: Callable[[MediaEvent], None], out: list[Told]) -> None:
        self.sock, self.on_event, self._out = sock, on_event, out
        self._sendto: Callable[[bytes, Address], int] = sock.sendto
        self._pinned_send: Callable[[bytes], int] | None = None
        "Once the socket sends to the far end only."

        self._connected = False
        self._destination: Address | None = None
        self._held = False
        self._odd = True
        "The next `send` is more than one more frame of audio."

        self._audio: Iterator[bytes] | None = None
        self._mark = 0
        self._keys: Iterator[KeyPacket | None] | None = None
        self._coding: Coding | None = None
        "What is done to packets; None where they are 20 ms of µ-law."

        self._event_payload_type = -1
        begin = secret.getrandbits(79)
        self._ssrc, self._stamp_offset = begin & 0xFFFFFFFF, begin >> 32 & 0xFFFFFFFF
        self._first_sequence = self._sequence = begin >> 64
        self._sent_at = -FRAME_SAMPLES - 1
        self._send_errors = 0
        self._odd_packets = self._octets = 0
        "Packets that were no 20 ms of µ-law, and their length."

        self._taps: tuple[Recording | UtteranceDetector | CalleeDetector, ...] = ()
        "Who wants to know what we play."

        self._recordings: dict[Slot, Recording] = {}
        self._relay_offset: int | None = None
        "From the other party's RTP timestamps to our clock, since the bridge began."

    def play(self, clock: int, frames: Sequence[Frames], mark: int, again: bool) -> None:
        self.stop_playing(clock)
        audio = chain.from_iterable(frames)
        self._audio, self._mark = cycle(audio) if again else audio, mark
        self._odd = True

    def stop_playing(self, _clock: int) -> None:
        if self._audio is not None:
            self._audio = None
            self._odd = True
            self.tell(PlayEnded(self._mark, interrupted=True))

    def send_keys(self, _clock: int, keys: str) -> None:
        more = key_packets(keys)
        self._keys = more if self._keys is None else chain(self._keys, more)
        self._odd = True

    @property
    def sending(self) -> bool:
        """`send` wants to be called every 20 ms."""
        return self._audio is not None or self._keys is not None

    def send(self, clock: int) -> bool:
        """Send what is due now. False: nothing is left."""
        if self._odd:
            return self._send_odd(clock)
        frame = next(self._audio, None)  # type: ignore[arg-type]  # `sending` says that there is audio
        if frame is None:
            return self._play_over()
        second = rtp.PCMU if clock - self._sent_at == FRAME_SAMPLES else rtp.MARKER
        self._sent_at = clock
        sequence = self._sequence
        self._sequence = sequence + 1
        packet = _pack(0x80, second, sequence & 0xFFFF, clock + self._stamp_offset & 0xFFFFFFFF, self._ssrc) + frame
        # Calls through the slots themselves are such that the interpreter does not specialise.
        send = self._pinned_send
        try:
            if send is not None:
                send(packet)
            else:
                sendto = self._sendto
                sendto(packet, self._destination)  # type: ignore[arg-type]  # never None unless `_odd`
        except OSError:
            self._send_errors += 1
        for tap in self._taps:
            tap.sent(frame, clock)
        return True

    def relay(self, audio: bytes, timestamp: int, clock: int, payload: bytes = b"") -> None:
        """Send on what the other party of the bridge said, at its own pace; `payload` where both speak the same codec."""
        marker = self._relay_offset is None
        if self._relay_offset is None:
            self._relay_offset = clock - timestamp
        if self._audio is not None or self._keys is not None or self._held or self._destination is None:
            return
        position = timestamp + self._relay_offset
        if self._coding is None:
            self._send_packet(rtp.PCMU, audio, position, marker=marker)
        elif payload:
            self._send_packet(self._coding.payload_type, payload, position, marker=marker)
        else:
            self._send_coded(self._coding, audio, position, marker=marker)
        for recording in self._recordings.values():
            recording.relayed(audio, timestamp, clock)

    def _send_coded(self, coding: Coding, audio: bytes, position: int, *, marker: bool, rest: bool = False) -> None:
        """Send packets as they become full. `position` is that of `audio`, in samples."""
        position -= coding.put(audio)
        while ready := coding.take(rest=rest):
            self._send_packet(coding.payload_type, coding.codec.encode(ready), position, marker=marker)
            position += len(ready)
            marker = False

    def _send_packet(self, payload_type: int, payload: bytes, position: int, *, marker: bool) -> None:
        stamp = position * self._ratio + self._stamp_offset & 0xFFFFFFFF
        packet = rtp.Packet(payload_type, marker, self._sequence & 0xFFFF, stamp, self._ssrc, payload)
        self._sequence += 1
        self._odd_packets += 1
        self._octets += len(payload)
        try:
            self._sendto(packet.pack(), self._destination)  # type: ignore[arg-type]  # whoever calls this has looked
        except OSError:
            self._send_errors += 1

    def _send_odd(self, clock: int) -> bool:
        """Keys, hold, and no address yet."""
        if not self._connected:
            return True
        if self._keys is not None:
            key = next(self._keys, _NO_MORE_KEYS)
            if key is not _NO_MORE_KEYS:
                if key is not None:
                    self._send_key(key, clock)
                return True
            self._keys = None
        if self._audio is None:
            return False
        if self._held or self._destination is None:
            return True if next(self._audio, None) is not None else self._play_over()
        if self._coding is not None:
            return self._play_coded(self._coding, clock)
        self._odd = False
        return self.send(clock)

    def _play_coded(self, coding: Coding, clock: int) -> bool:
        assert self._audio is not None
        frame = next(self._audio, None)
        marker = clock - self._sent_at != FRAME_SAMPLES
        if frame is None:
            self._send_coded(coding, b"", clock, marker=False, rest=True)
            return self._play_over()
        if marker:
            coding.drop()
        self._sent_at = clock
        self._send_coded(coding, frame, clock, marker=marker)
        for tap in self._taps:
            tap.sent(frame, clock)
        return True

    def _send_key(self, key: KeyPacket, clock: int) -> None:
        if self._held or self._destination is None:
            return
        if self._event_payload_type < 0:
            self._send_tones(key, clock)
            return
        payload = key.payload
        if self._coding is not None and self._coding.event_ratio != 1:
            duration = int.from_bytes(payload[2:], "big") * self._coding.event_ratio
            payload = payload[:2] + duration.to_bytes(2, "big")
        self._send_packet(self._event_payload_type, payload, clock - key.age, marker=key.marker)

    def _send_tones(self, key: KeyPacket, clock: int) -> None:
        """A far end that takes no events hears the key."""
        frames, number = key_frames(key.payload[0]), key.age // FRAME_SAMPLES
        if number >= len(frames):
            return
        if self._coding is None:
            self._send_packet(rtp.PCMU, frames[number], clock, marker=key.marker)
        else:
            self._send_coded(self._coding, frames[number], clock, marker=key.marker, rest=number == len(frames) - 1)

    def _play_over(self) -> bool:
        self._audio = None
        self._odd = True
        self.tell(PlayEnded(self._mark, interrupted=False))
        return self._keys is not None

    @property
    def _ratio(self) -> int:
        """Ticks of our RTP clock for a sample at 8000 Hz."""
        return 1 if self._coding is None else self._coding.ratio

    def _sent(self, at: float, clock: int) -> Sent:
        """For a report."""
        packets = self._sequence - self._first_sequence
        octets = (packets - self._odd_packets) * FRAME_BYTES + self._octets
        return Sent(at, clock * self._ratio + self._stamp_offset, packets, octets)

    def tell(self, event: MediaEvent) -> None:
        self._out.append((self.on_event, event))
