"""One session's state inside the media plane. Everything here runs in the plane's thread.

Time is `clock`: samples at 8000 Hz since the plane began, in the plane's steps of 5 ms (40 samples).

Whose packets are believed, and where ours go: `media_latch`.

What is sent. Keys go before audio, and audio waits meanwhile. Before `connect` everything waits; on hold, audio and
keys run on unheard, so that the program does not stand still. RTP timestamps are the clock plus a random offset: a
pause in sending is a pause in timestamps, and the first packet after it carries the marker bit (RFC 3551 §4.1).

`send` and `receive` are the hot path of the product: 50 times a second each for every call. They make no objects that
outlive them, know packets of 20 ms of µ-law alone, and leave everything unusual to other methods: keys, hold, other codecs
(`media_coding`) and other lengths.
"""

import random
import socket
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, cycle

from callwright.media import rtp
from callwright.media.dtmf import KeyPacket, KeyReceiver, key_packets
from callwright.media.frames import FRAME_BYTES, RATE_HZ
from callwright.media.speech import SpeechDetector
from callwright.media.utterance import Utterance, UtteranceDetector
from callwright.ports.leg import Frames, KeyPressed, PlayEnded, Slot, SpeechEnded, SpeechStarted
from callwright.telephony.media_coding import Agreed, Coding
from callwright.telephony.media_events import FirstPacket, MediaEvent, MediaStats, NoAudio
from callwright.telephony.media_latch import LATCH_PACKETS, QUIET_SAMPLES, Address, Latch
from callwright.telephony.recorder import Recording

Told = tuple[Callable[[MediaEvent], None], MediaEvent]
"Whom to tell what."

NO_AUDIO_S = 30
"A far end that has sent nothing for so long is told as `NoAudio`."

FRAME_SAMPLES = FRAME_BYTES
_PCMU_BYTES = rtp.HEADER_BYTES + FRAME_BYTES
_NO_MORE_KEYS = KeyPacket(b"", marker=False, age=0)

_pack = rtp.HEADER.pack
_unpack = rtp.HEADER.unpack_from
_secret = random.SystemRandom()
"RTP's numbers begin at random, so that a stranger cannot guess them (RFC 3550 §5.1)."


class Stream:
    """What the plane knows of one session."""

    __slots__ = (
        "_audio",
        "_coding",
        "_connected",
        "_destination",
        "_event_payload_type",
        "_event_types",
        "_first_sequence",
        "_heard_at",
        "_held",
        "_key_receiver",
        "_keys",
        "_latch",
        "_mark",
        "_muted",
        "_no_audio_told",
        "_odd",
        "_out",
        "_peer",
        "_reception",
        "_recordings",
        "_recvfrom_into",
        "_relay_offset",
        "_send_errors",
        "_sendto",
        "_sent_at",
        "_sequence",
        "_source",
        "_speech",
        "_ssrc",
        "_stamp_offset",
        "_tapped",
        "_taps",
        "_utterance",
        "_utterance_mark",
        "bucket",
        "closed",
        "on_event",
        "recording_error",
        "recordings_open",
        "sock",
    )

    def __init__(self, sock: socket.socket, on_event: Callable[[MediaEvent], None], out: list[Told]) -> None:
        self.sock, self.on_event, self._out = sock, on_event, out
        self._sendto, self._recvfrom_into = sock.sendto, sock.recvfrom_into
        self.bucket = 0
        "Which of the plane's turns is this stream's."

        self.closed = False
        self._connected = False
        self._latch = Latch()
        self._source: Address | None = None
        "The latch's, once it has one."

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
        self._event_types: tuple[int, ...] = ()
        self._key_receiver = KeyReceiver()
        self._ssrc = _secret.getrandbits(32)
        self._first_sequence = self._sequence = _secret.getrandbits(15)
        self._stamp_offset = _secret.getrandbits(32)
        self._sent_at = -FRAME_SAMPLES - 1
        self._send_errors = 0
        self._reception = rtp.Reception()
        self._heard_at = 0
        self._no_audio_told = False
        self._tapped = False
        "Somebody wants to know what comes in."

        self._taps: tuple[Recording | UtteranceDetector, ...] = ()
        "Who wants to know what we play."

        self._recordings: dict[Slot, Recording] = {}
        self._muted = False
        self._peer: Stream | None = None
        "The other party of a bridge: what is heard here is sent there."

        self._relay_offset: int | None = None
        "From the other party's RTP timestamps to ours, since the bridge began."

        self.recordings_open = 0
        "Recordings whose file is not complete yet."

        self.recording_error = ""
        self._speech: SpeechDetector | None = None
        self._utterance: UtteranceDetector | None = None
        self._utterance_mark = 0

    # -- commands ------------------------------------------------------------------------------

    def connect(self, clock: int, remote: Address | None, agreed: Agreed) -> None:
        """`remote` is None where the far end wants nothing sent (port 0, address 0.0.0.0)."""
        self._event_payload_type = -1 if agreed.event_type is None else agreed.event_type
        self._event_types = agreed.event_types or (self._event_payload_type,)
        before, self._coding = self._coding, agreed.coding
        if self._connected and _ratio(before) != _ratio(self._coding):
            # A source keeps its clock rate (RFC 7160 §4.1).
            self._ssrc = _secret.getrandbits(32)
        if not self._connected or remote != self._latch.signalled:
            self._latch.signal(remote)
            self._destination, self._source = remote, None
            self._reception.ssrc = -1
            self._heard_at = clock
        self._connected = True
        self._odd = True

    def hold(self, clock: int, on: bool) -> None:
        self._held = on
        self._heard_at = clock
        self._odd = True

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

    def listen(self, _clock: int, silence_s: float) -> None:
        self._speech = SpeechDetector(silence_s) if silence_s > 0 else None
        self._tap()

    def hear(self, _clock: int, silence_s: float, mark: int) -> None:
        self._utterance = UtteranceDetector(silence_s) if silence_s > 0 else None
        self._utterance_mark = mark
        self._tap()

    def record(self, clock: int, slot: Slot, recording: Recording) -> None:
        self._recordings[slot] = recording
        recording.mute(clock, self._muted and slot != "message")
        self.recordings_open += 1
        self._tap()

    def unrecord(self, slot: Slot) -> Recording | None:
        """The recording that was going on, for its finish; there is none now."""
        recording = self._recordings.pop(slot, None)
        self._tap()
        return recording

    def mute(self, clock: int, on: bool) -> None:
        self._muted = on
        for slot, recording in self._recordings.items():
            recording.mute(clock, on and slot != "message")

    def bridge(self, _clock: int, peer: "Stream | None") -> None:
        """Join with another stream, or part from it; both ends of a bridge know of each other. Keys do not pass here."""
        concerned = [one for one in (self, self._peer, peer) if one is not None]
        for one in concerned:
            one._peer = one._relay_offset = None
        if peer is not None and not peer.closed:
            self._peer, peer._peer = peer, self
        for one in concerned:
            one._tap()

    def _tap(self) -> None:
        hearing = () if self._utterance is None else (self._utterance,)
        self._taps = (*self._recordings.values(), *hearing)
        self._tapped = self._hears or self._peer is not None

    @property
    def _hears(self) -> bool:
        """Somebody but the other party of a bridge wants to know what comes in."""
        return self._speech is not None or bool(self._taps)

    # -- the clock's turns ---------------------------------------------------------------------

    @property
    def sending(self) -> bool:
        """`send` wants to be called every 20 ms."""
        return self._audio is not None or self._keys is not None

    @property
    def listening(self) -> bool:
        """`check_quiet` wants to be called every 20 ms."""
        return self._speech is not None or self._utterance is not None

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
        sendto = self._sendto  # a call through the slot itself is one that the interpreter does not specialise
        try:
            sendto(
                _pack(0x80, second, sequence & 0xFFFF, clock + self._stamp_offset & 0xFFFFFFFF, self._ssrc) + frame,
                self._destination,  # type: ignore[arg-type]  # never None unless `_odd`
            )
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
        ratio = 1 if self._coding is None else self._coding.ratio
        stamp = position * ratio + self._stamp_offset & 0xFFFFFFFF
        packet = rtp.Packet(payload_type, marker, self._sequence & 0xFFFF, stamp, self._ssrc, payload)
        self._sequence += 1
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
        if self._held or self._destination is None or self._event_payload_type < 0:
            return
        payload = key.payload
        if self._coding is not None and self._coding.event_ratio != 1:
            duration = int.from_bytes(payload[2:], "big") * self._coding.event_ratio
            payload = payload[:2] + duration.to_bytes(2, "big")
        self._send_packet(self._event_payload_type, payload, clock - key.age, marker=key.marker)

    def _play_over(self) -> bool:
        self._audio = None
        self._odd = True
        self.tell(PlayEnded(self._mark, interrupted=False))
        return self._keys is not None

    def check_quiet(self, clock: int) -> None:
        """Has speech ended, though no packet comes that could say so?"""
        if self._speech is not None:
            self._tell_speech(self._speech.quiet(clock))
        if self._utterance is not None:
            self._tell_utterance(self._utterance.quiet(clock))

    def each_second(self, clock: int) -> None:
        for recording in self._recordings.values():
            recording.flush(clock)
        if clock - self._heard_at < NO_AUDIO_S * RATE_HZ:
            self._no_audio_told = False
        elif self._connected and not self._held and not self._no_audio_told:
            self._no_audio_told = True
            self.tell(NoAudio())

    # -- what arrives --------------------------------------------------------------------------

    def receive(self, buffer: bytearray, view: memoryview, audio: memoryview, clock: int) -> bool:
        """Read one packet by way of `buffer`. `view` is all of it, `audio` its bytes 12 to 172. False: none came."""
        recvfrom_into = self._recvfrom_into
        try:
            size, source = recvfrom_into(buffer)
        except OSError:
            # Nothing there after all, or an ICMP error of something that we sent. Neither says anything of what comes.
            return False
        if size == _PCMU_BYTES and source == self._source:
            first, second, sequence, timestamp, ssrc = _unpack(buffer)
            if first == rtp.VERSION_2 and second & 0x7F == rtp.PCMU and ssrc == self._reception.ssrc:
                self._reception.count(sequence, timestamp, ssrc, clock)
                self._heard_at = clock
                if self._tapped:
                    self._hear(audio, timestamp, clock)
                return True
        self._receive_odd(view[:size], source, clock)
        return True

    def _receive_odd(self, data: memoryview, source: Address, clock: int) -> None:
        packet = rtp.parse(data)
        if packet is None or not self._connected or not self._latch.admits(source):
            return
        reception = self._reception
        if packet.ssrc != reception.ssrc:
            if reception.ssrc >= 0 and reception.span >= LATCH_PACKETS and clock - self._heard_at < QUIET_SAMPLES:
                self._latch.foreign += 1
                return
            self._key_receiver = KeyReceiver()
        if source != self._source:
            self._source = source
            if self._destination is not None:
                self._destination = source
        if not reception.received:
            self.tell(FirstPacket())
        coding = self._coding
        timestamp = packet.timestamp if coding is None else coding.samples(packet.timestamp)
        reception.count(packet.sequence, timestamp, packet.ssrc, clock)
        self._heard_at = clock
        if packet.payload_type in self._event_types:
            key = self._key_receiver.receive(
                packet.payload, sequence=packet.sequence, timestamp=timestamp, marker=packet.marker
            )
            if key is not None:
                self.tell(KeyPressed(key))
        elif not self._tapped:
            return
        elif coding is not None and packet.payload_type in coding.payload_types:
            self._hear_coded(coding, packet.payload, timestamp, clock)
        elif packet.payload_type == rtp.PCMU:
            self._hear(packet.payload, timestamp, clock)

    def _hear_coded(self, coding: Coding, payload: bytes, timestamp: int, clock: int) -> None:
        """A bridge whose ends speak the same codec passes payloads on, and decodes them only where somebody listens."""
        peer = self._peer
        if peer is None or not coding.is_like(peer._coding):
            self._hear(coding.codec.decode(payload), timestamp, clock)
        elif self._hears or peer._recordings:
            self._hear(coding.codec.decode(payload), timestamp, clock, payload)
        else:
            peer.relay(b"", timestamp, clock, payload)

    def _hear(self, audio: bytes | memoryview, timestamp: int, clock: int, payload: bytes = b"") -> None:
        for recording in self._recordings.values():
            recording.received(audio, timestamp, clock)
        if self._peer is not None:
            self._peer.relay(bytes(audio), timestamp, clock, payload)
        if self._speech is not None:
            self._tell_speech(self._speech.hear(bytes(audio), clock))
        if self._utterance is not None:
            self._tell_utterance(self._utterance.hear(bytes(audio), timestamp, clock))

    def _tell_speech(self, change: bool | None) -> None:
        if change is not None:
            self.tell(SpeechStarted() if change else SpeechEnded())

    def _tell_utterance(self, change: bool | Utterance | None) -> None:
        if isinstance(change, Utterance):
            self._utterance = None
            self._tap()
            self.tell(SpeechEnded(self._utterance_mark, change.audio, change.too_long))
        elif change:
            self.tell(SpeechStarted(self._utterance_mark))

    # -- what is told --------------------------------------------------------------------------

    def tell(self, event: MediaEvent) -> None:
        self._out.append((self.on_event, event))

    def stats(self) -> MediaStats:
        return MediaStats(
            packets_sent=self._sequence - self._first_sequence - self._send_errors,
            packets_received=self._reception.received,
            lost=self._reception.lost,
            jitter_ms=round(self._reception.jitter * 1000 / RATE_HZ, 2),
            foreign=self._latch.foreign,
            send_errors=self._send_errors,
            recording_error=self.recording_error,
        )


def _ratio(coding: Coding | None) -> int:
    return 1 if coding is None else coding.ratio
