"""One session's state inside the media plane. Everything here runs in the plane's thread.

Time is `clock`: samples at 8000 Hz since the plane began, in the plane's steps of 10 ms (80 samples).

What is sent is told in `media_sender`, whose packets are believed in `media_latch`.

`send` and `receive` are the hot path of the product: 50 times a second each for every call. They make no objects that
outlive them, know packets of 20 ms of µ-law alone, and leave everything unusual to other methods: keys, hold, other codecs
(`media_coding`) and other lengths.
"""

import socket
import time
from collections.abc import Callable

from callwright.media import rtp
from callwright.media.beep import BeepDetector
from callwright.media.callee import CalleeDetector
from callwright.media.callee_rules import Rules
from callwright.media.dtmf import KeyReceiver
from callwright.media.frames import FRAME_BYTES, RATE_HZ
from callwright.media.inband import ToneKeys
from callwright.media.speech import SpeechDetector
from callwright.media.utterance import Utterance, UtteranceDetector
from callwright.ports.leg import Beeped, KeyPressed, Slot, SpeechEnded, SpeechStarted
from callwright.telephony import media_ports
from callwright.telephony.media_coding import Agreed, Coding
from callwright.telephony.media_events import CalleeFound, FirstPacket, MediaEvent, MediaStats, NoAudio
from callwright.telephony.media_latch import LATCH_PACKETS, QUIET_SAMPLES, Address, Latch
from callwright.telephony.media_reports import Reports
from callwright.telephony.media_secure import Keys, Secured
from callwright.telephony.media_sender import Sender, Told, secret
from callwright.telephony.recorder import Recording

NO_AUDIO_S = 60.0
"A far end that has sent nothing for so long, not even a report of RTCP, is told as `NoAudio`."

STAMPED_EVERY = 4
"""Of so many seconds of a call one has its packets' arrivals asked of the kernel, for the jitter: the plane itself sees only in
which step they came. To ask is a system call for each."""

_PCMU_BYTES = rtp.HEADER_BYTES + FRAME_BYTES
_unpack = rtp.HEADER.unpack_from


class Stream(Sender):
    """What the plane knows of one session."""

    __slots__ = (
        "_beeps",
        "_callee",
        "_event_types",
        "_expects",
        "_heard_at",
        "_inband",
        "_key_receiver",
        "_latch",
        "_muted",
        "_muted_message",
        "_no_audio",
        "_no_audio_told",
        "_peer",
        "_pinned_recv_into",
        "_reception",
        "_recvfrom_into",
        "_reported",
        "_reports",
        "_seconds",
        "_secured",
        "_source",
        "_speech",
        "_stamped",
        "_tapped",
        "_utterance",
        "_utterance_mark",
        "bucket",
        "closed",
        "recording_error",
        "recordings_open",
    )

    def __init__(
        self,
        sock: socket.socket,
        on_event: Callable[[MediaEvent], None],
        out: list[Told],
        no_audio_s: float = NO_AUDIO_S,
    ) -> None:
        """`no_audio_s`: 0 for ever."""
        super().__init__(sock, on_event, out)
        self._recvfrom_into: Callable[[bytearray], tuple[int, Address]] = sock.recvfrom_into
        self.bucket = 0
        "Which of the plane's turns is this stream's."

        self.closed = False
        self._latch = Latch()
        self._source: Address | None = None
        "The latch's, once it has one."

        self._pinned_recv_into: Callable[[bytearray], int] | None = None
        "Once the socket hears the far end only."

        self._event_types: tuple[int, ...] = ()
        self._key_receiver = KeyReceiver()
        self._inband: ToneKeys | None = None
        "Keys of a far end that sends them as tones, having agreed on no events."

        self._reception = rtp.Reception()
        self._seconds = 0
        self._stamped = True
        "This second is one in which arrivals are asked of the kernel."

        self._heard_at = 0
        self._expects = True
        "The far end means to send."

        self._no_audio = int(no_audio_s * RATE_HZ)
        self._no_audio_told = False
        self._reports: Reports | None = None
        self._secured: Secured | None = None
        self._reported = 0
        "Packets sent until our last report."

        self._tapped = False
        "Somebody wants to know what comes in."

        self._muted = self._muted_message = False
        self._peer: Stream | None = None
        "The other party of a bridge: what is heard here is sent there."

        self.recordings_open = 0
        "Recordings whose file is not complete yet."

        self.recording_error = ""
        self._speech: SpeechDetector | None = None
        self._beeps: BeepDetector | None = None
        self._callee: CalleeDetector | None = None
        self._utterance: UtteranceDetector | None = None
        self._utterance_mark = 0

    # -- commands ------------------------------------------------------------------------------

    def connect(self, clock: int, remote: Address | None, agreed: Agreed) -> None:
        """`remote` is None where the far end wants nothing sent (port 0, address 0.0.0.0 or ::)."""
        self._event_payload_type = -1 if agreed.event_type is None else agreed.event_type
        self._event_types = agreed.event_types or (self._event_payload_type,)
        self._expects = agreed.heard
        before, self._coding = self._ratio, agreed.coding
        if self._connected and before != self._ratio:
            # A source keeps its clock rate (RFC 7160 §4.1).
            self._ssrc = secret.getrandbits(32)
        self._inband = (self._inband or ToneKeys()) if agreed.event_type is None and agreed.inband else None
        self._tap()
        if not self._connected or remote != self._latch.signalled:
            self._unpin()
            self._latch.signal(remote)
            self._destination, self._source = remote, None
            self._reception.ssrc = -1
        self._heard_at, self._no_audio_told = clock, False
        self._connected = True
        self._odd = True
        self._secure(agreed.secured)
        if agreed.rtcp is not None and self._reports is None:
            self._reports = Reports(self.sock, clock)
        if self._reports is not None:
            self._reports.connect(agreed.rtcp, mux=agreed.rtcp_mux, secured=self._secured)

    def _pin(self) -> None:
        """Once no other source can be believed any more, leave strangers' packets to the kernel: each of ours costs less, and
        theirs cost nothing. What came before may still wait to be read, and is read with its source until nothing waits."""
        if self._source is None or self._source != self._latch.signalled or self._secured is not None:
            return
        if self._pinned_send is None:
            if not media_ports.connect(self.sock, self._source):
                return
            self._pinned_send = self.sock.send
        if media_ports.is_empty(self.sock):
            self._pinned_recv_into = self.sock.recv_into

    def _unpin(self) -> None:
        if self._pinned_send is not None:
            media_ports.disconnect(self.sock)
            self._pinned_send = self._pinned_recv_into = None

    def _secure(self, keys: Keys | None) -> None:
        if keys is None:
            self._secured = None
        elif self._secured is None:
            self._unpin()
            self._secured = Secured(self.sock, keys)
        else:
            self._secured.change(keys)
        if self._secured is None:
            self._sendto, self._recvfrom_into = self.sock.sendto, self.sock.recvfrom_into
        else:
            self._sendto, self._recvfrom_into = self._secured.sendto, self._secured.recvfrom_into

    def hold(self, clock: int, on: bool) -> None:
        self._held = on
        self._heard_at = clock
        self._odd = True

    def send_keys(self, clock: int, keys: str) -> None:
        if self._peer is not None and self._peer._inband is not None and self._event_payload_type < 0:
            # The other party's tones go through the bridge by themselves.
            return
        super().send_keys(clock, keys)

    def ignore_tones(self, _clock: int) -> None:
        """Keys come in another way."""
        self._inband = None
        self._tap()

    def listen(self, _clock: int, silence_s: float, beeps: bool) -> None:
        self._speech = SpeechDetector(silence_s) if silence_s > 0 else None
        self._beeps = BeepDetector() if beeps and silence_s > 0 else None
        self._tap()

    def classify(self, clock: int, within_s: float) -> None:
        self._callee = CalleeDetector(clock, Rules(within_s))
        self._tap()

    def hear(self, _clock: int, silence_s: float, mark: int) -> None:
        self._utterance = UtteranceDetector(silence_s) if silence_s > 0 else None
        self._utterance_mark = mark
        self._tap()

    def record(self, clock: int, slot: Slot, recording: Recording) -> None:
        self._recordings[slot] = recording
        recording.mute(clock, self._mutes(slot))
        self.recordings_open += 1
        self._tap()

    def unrecord(self, slot: Slot) -> Recording | None:
        """The recording that was going on, for its finish; there is none now."""
        recording = self._recordings.pop(slot, None)
        self._tap()
        return recording

    def mute(self, clock: int, on: bool, message: bool) -> None:
        self._muted, self._muted_message = on, on and message
        for slot, recording in self._recordings.items():
            recording.mute(clock, self._mutes(slot))

    def _mutes(self, slot: Slot) -> bool:
        return self._muted_message if slot == "message" else self._muted

    def bridge(self, _clock: int, peer: "Stream | None") -> None:
        """Join with another stream, or part from it; both ends of a bridge know of each other. Keys do not pass here."""
        concerned = [one for one in (self, self._peer, peer) if one is not None]
        for one in concerned:
            one._peer = one._relay_offset = None
        if peer is not None and not peer.closed:
            self._peer, peer._peer = peer, self
        for one in concerned:
            one._tap()

    @property
    def bridged(self) -> bool:
        """What is heard is passed on, and should not wait long."""
        return self._peer is not None

    def _tap(self) -> None:
        hearing = (one for one in (self._utterance, self._callee) if one is not None)
        self._taps = (*self._recordings.values(), *hearing)
        self._tapped = self._hears or self._peer is not None

    @property
    def _hears(self) -> bool:
        """Somebody but the other party of a bridge wants to know what comes in."""
        return self._speech is not None or bool(self._taps) or self._inband is not None

    # -- the clock's turns ---------------------------------------------------------------------

    @property
    def listening(self) -> bool:
        """`check_quiet` wants to be called every 20 ms."""
        return self._speech is not None or self._utterance is not None or self._callee is not None

    def check_quiet(self, clock: int) -> None:
        """Has speech ended, though no packet comes that could say so?"""
        if self._speech is not None:
            self._tell_speech(self._speech.quiet(clock))
        if self._beeps is not None and self._beeps.quiet(clock):
            self.tell(Beeped())
        if self._utterance is not None:
            self._tell_utterance(self._utterance.quiet(clock))
        if self._callee is not None and (callee := self._callee.look(clock)) is not None:
            self._callee = None
            self._tap()
            self.tell(CalleeFound(callee))

    def each_second(self, clock: int) -> None:
        self._stamped = self._seconds % STAMPED_EVERY == 0
        self._seconds += 1
        if not self._stamped:
            self._reception.pause()
        for recording in self._recordings.values():
            recording.flush(clock)
        if self._pinned_recv_into is None:
            self._pin()
        if self._reports is not None:
            alive, due = self._reports.each_second(clock, self._source or self._latch.signalled, self._ssrc)
            if alive:
                self._heard_at = clock
            if due:
                self._send_report(self._reports, clock)
        if not self._no_audio or clock - self._heard_at < self._no_audio:
            self._no_audio_told = False
        elif self._connected and self._expects and not self._held and not self._no_audio_told:
            self._no_audio_told = True
            self.tell(NoAudio())

    def _send_report(self, reports: Reports, clock: int, *, bye: bool = False) -> None:
        sent = self._sent(time.time(), clock)
        news = sent if sent.packets != self._reported else None
        self._reported = sent.packets
        reports.send(self._ssrc, news, self._reception, self._ratio, bye=bye)

    def end(self, clock: int) -> None:
        """The session is over: say so to a far end that we sent reports to (RFC 3550 §6.6)."""
        if self._reports is not None:
            if self._reports.sent:
                self._send_report(self._reports, clock, bye=True)
            self._reports.close()

    # -- what arrives --------------------------------------------------------------------------

    def receive(self, buffer: bytearray, view: memoryview, audio: memoryview, clock: int) -> bool:
        """Read one packet by way of `buffer`. `view` is all of it, `audio` its bytes 12 to 172. False: none came."""
        recv_into = self._pinned_recv_into
        try:
            if recv_into is not None:
                size, source = recv_into(buffer), self._source
            else:
                recvfrom_into = self._recvfrom_into
                size, source = recvfrom_into(buffer)
        except OSError:
            # Nothing there after all, or an ICMP error of something that we sent. Neither says anything of what comes.
            return False
        if size == _PCMU_BYTES and source == self._source:
            first, second, sequence, timestamp, ssrc = _unpack(buffer)
            if first == rtp.VERSION_2 and second & 0x7F == rtp.PCMU and ssrc == self._reception.ssrc:
                self._reception.count(sequence, timestamp, ssrc, clock)
                if self._stamped:
                    self._time(timestamp)
                self._heard_at = clock
                if self._tapped:
                    self._hear(audio, timestamp, clock)
                return True
        # Whoever the socket is pinned to is the source.
        self._receive_odd(view[:size], source, clock)  # type: ignore[arg-type]
        return True

    def _time(self, timestamp: int) -> None:
        if (arrived := media_ports.arrival(self.sock.fileno())) is not None:
            self._reception.time(timestamp, arrived)

    def _receive_odd(self, data: memoryview, source: Address, clock: int) -> None:
        packet = rtp.parse(data)
        if packet is None:
            self._receive_report(data, source, clock)
            return
        if not self._connected or not self._latch.admits(source):
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
        self._heard_at = clock
        is_key = packet.payload_type in self._event_types
        if is_key:
            reception.count_untimed(packet.sequence, packet.ssrc, clock)
        else:
            reception.count(packet.sequence, timestamp, packet.ssrc, clock)
            if self._stamped:
                self._time(timestamp)
        if is_key:
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

    def _receive_report(self, data: memoryview, source: Address, clock: int) -> None:
        """What is no RTP on the port of RTP: a report where they share it, or noise."""
        reports, expected = self._reports, self._source or self._latch.signalled
        if reports is None or not reports.mux or source != expected:
            return
        if reports.take(data, time.time(), self._ssrc):
            self._heard_at = clock

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
        if self._inband is not None:
            for key in self._inband.hear(bytes(audio)):
                self.tell(KeyPressed(key))
        if self._speech is not None:
            self._tell_speech(self._speech.hear(bytes(audio), clock))
        if self._beeps is not None and self._beeps.hear(bytes(audio), timestamp, clock):
            self.tell(Beeped())
        if self._callee is not None:
            self._callee.hear(audio, timestamp, clock)
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

    def stats(self) -> MediaStats:
        reports = self._reports
        return MediaStats(
            codec="" if not self._connected else "pcmu" if self._coding is None else self._coding.codec.name,
            srtp="" if self._secured is None else self._secured.keys.suite,
            packets_sent=self._sequence - self._first_sequence - self._send_errors,
            packets_received=self._reception.received,
            lost=self._reception.lost,
            jitter_ms=round(self._reception.jitter * 1000 / RATE_HZ, 2),
            gap_max_ms=self._reception.late_max * 1000 // RATE_HZ,
            reports=0 if reports is None else reports.received,
            far_lost=0 if reports is None else reports.far_lost,
            far_jitter_ms=0.0 if reports is None else round(reports.far_jitter * 1000 / RATE_HZ / self._ratio, 2),
            round_trip_ms=0.0 if reports is None else round(reports.round_trip_s * 1000, 2),
            foreign=self._latch.foreign,
            unauthentic=0 if self._secured is None else self._secured.refused,
            send_errors=self._send_errors,
            recording_error=self.recording_error,
        )
