"""One session's state inside the media plane. Everything here runs in the plane's thread.

Time is `clock`: samples at 8000 Hz since the plane began, in the plane's steps of 5 ms (40 samples).

Where packets come from. The far end's SDP names an address, but behind NAT its packets come from another. The stream
takes packets from one source only and sends to that source (symmetric RTP, RFC 4961). A packet from the signalled
address settles it at once and for good. Before that, another address that sends `LATCH_PACKETS` is believed; what
comes from third parties is dropped and counted. So nobody who guesses a port can speak into a call whose far end
sends from where it said; a re-INVITE with a new address starts over.

What is sent. Keys go before audio, and audio waits meanwhile. Before `connect` everything waits; on hold, audio and
keys run on unheard, so that the program does not stand still. RTP timestamps are the clock plus a random offset: a
pause in sending is a pause in timestamps, and the first packet after it carries the marker bit (RFC 3551 §4.1).

`send` and `receive` are the hot path of the product: 50 times a second each for every call. They make no objects that
outlive them and leave everything unusual to other methods.
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
from callwright.telephony.media_events import FirstPacket, MediaEvent, MediaStats, NoAudio
from callwright.telephony.recorder import Recording

Address = tuple[str, int]
Told = tuple[Callable[[MediaEvent], None], MediaEvent]
"Whom to tell what."

NO_AUDIO_S = 30
"A far end that has sent nothing for so long is told as `NoAudio`."

LATCH_PACKETS = 3
"Packets from an address other than the signalled one until it is believed: 60 ms, less than a key press lasts."

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
        "_candidate",
        "_candidate_packets",
        "_connected",
        "_destination",
        "_event_payload_type",
        "_first_sequence",
        "_foreign",
        "_heard_at",
        "_held",
        "_key_receiver",
        "_keys",
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
        "_signalled",
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
        self._signalled: Address | None = None
        self._source: Address | None = None
        self._candidate: Address | None = None
        self._candidate_packets = 0
        self._destination: Address | None = None
        self._held = False
        self._odd = True
        "The next `send` is more than one more frame of audio."

        self._audio: Iterator[bytes] | None = None
        self._mark = 0
        self._keys: Iterator[KeyPacket | None] | None = None
        self._event_payload_type = -1
        self._key_receiver = KeyReceiver()
        self._ssrc = _secret.getrandbits(32)
        self._first_sequence = self._sequence = _secret.getrandbits(15)
        self._stamp_offset = _secret.getrandbits(32)
        self._sent_at = -FRAME_SAMPLES - 1
        self._send_errors = 0
        self._foreign = 0
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

    def connect(self, clock: int, remote: Address | None, event_payload_type: int | None) -> None:
        """`remote` is None where the far end wants nothing sent (port 0, address 0.0.0.0)."""
        self._event_payload_type = -1 if event_payload_type is None else event_payload_type
        if not self._connected or remote != self._signalled:
            self._signalled = self._destination = remote
            self._source = self._candidate = None
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
        self._tapped = self._speech is not None or bool(self._taps) or self._peer is not None

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

    def relay(self, audio: bytes, timestamp: int, clock: int) -> None:
        """Send on what the other party of the bridge said, at its own pace."""
        marker = self._relay_offset is None
        if self._relay_offset is None:
            self._relay_offset = clock + self._stamp_offset - timestamp
        if self._audio is not None or self._keys is not None or self._held or self._destination is None:
            return
        stamp = timestamp + self._relay_offset & 0xFFFFFFFF
        packet = rtp.Packet(rtp.PCMU, marker, self._sequence & 0xFFFF, stamp, self._ssrc, audio)
        self._sequence += 1
        try:
            self._sendto(packet.pack(), self._destination)
        except OSError:
            self._send_errors += 1
        for recording in self._recordings.values():
            recording.relayed(audio, timestamp, clock)

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
        self._odd = False
        return self.send(clock)

    def _send_key(self, key: KeyPacket, clock: int) -> None:
        if self._held or self._destination is None or self._event_payload_type < 0:
            return
        timestamp = clock - key.age + self._stamp_offset & 0xFFFFFFFF
        packet = rtp.Packet(
            self._event_payload_type, key.marker, self._sequence & 0xFFFF, timestamp, self._ssrc, key.payload
        )
        self._sequence += 1
        try:
            self._sendto(packet.pack(), self._destination)
        except OSError:
            self._send_errors += 1

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
        if packet is None or not self._connected or (source != self._source and not self._admits(source)):
            return
        reception = self._reception
        if not reception.received:
            self.tell(FirstPacket())
        if packet.ssrc != reception.ssrc:
            self._key_receiver = KeyReceiver()
        reception.count(packet.sequence, packet.timestamp, packet.ssrc, clock)
        self._heard_at = clock
        if packet.payload_type == self._event_payload_type:
            key = self._key_receiver.receive(
                packet.payload, sequence=packet.sequence, timestamp=packet.timestamp, marker=packet.marker
            )
            if key is not None:
                self.tell(KeyPressed(key))
        elif packet.payload_type == rtp.PCMU and self._tapped:
            self._hear(packet.payload, packet.timestamp, clock)

    def _admits(self, source: Address) -> bool:
        """A packet from another address than until now: is that the far end?"""
        if source != self._signalled:
            if self._source is not None:
                self._foreign += 1
                return False
            if source != self._candidate:
                self._candidate, self._candidate_packets = source, 0
            self._candidate_packets += 1
            if self._candidate_packets < LATCH_PACKETS:
                return False
        self._source = source
        if self._destination is not None:
            self._destination = source
        return True

    def _hear(self, audio: bytes | memoryview, timestamp: int, clock: int) -> None:
        for recording in self._recordings.values():
            recording.received(audio, timestamp, clock)
        if self._peer is not None:
            self._peer.relay(bytes(audio), timestamp, clock)
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
            foreign=self._foreign,
            send_errors=self._send_errors,
            recording_error=self.recording_error,
        )
