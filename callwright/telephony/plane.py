"""The media plane: one thread that sends and receives the RTP of all calls of a process.

The clock. A step is 10 ms; every stream has its turn once in two steps, and many streams are spread evenly over the
turns, so that the plane sends half of the packets at a time. Each step: take the commands that were posted,
send for the streams whose turn it is, read whatever has arrived at any socket, and hand all events of the step to
the event loop in one call. Sockets are read by what epoll says once per step, never one wake-up per packet: that,
and no asyncio, is what makes it cheap; the price is up to 10 ms until a key is seen. A shorter step costs more: the
thread wakes as often however few calls there are, and finds its code cold each time (by 5 ms, 50 calls cost 1.4 times
as much). So the first `FEW` streams have the same turn, and while they are all there is, and none is bridged, the
thread leaves the other turn out: a key is seen within 20 ms. Once a second each stream has
its `each_second`, likewise spread over the steps. While there is no stream the thread sleeps in epoll until it is
woken.

Lateness. A late step is made up for at once, with packets a little closer together, as long as a receiver's jitter
buffer hides it. Past `LATE_MAX_S` (a suspended machine, a starved process) the clock gives the time up: RTP
timestamps jump with it and prompts go on where they were, instead of a burst that no receiver can use.

Threads. `MediaSession` is a handle for the event loop's thread: its methods append to a deque and return. `Stream`,
`Recording` and all the rest belong to the plane's thread. Only the port pool and these deques are shared. The
process that runs a plane should set `sys.setswitchinterval(0.0001)`: with the default of 5 ms, a busy loop thread
keeps the plane from the interpreter for that long.

When something breaks. An error while a stream is served ends that call (`Closed`) and is logged; the others go on.
An error in the plane itself ends all sessions with `Closed` and calls `on_failure`, because a process without media
should end and be started again rather than answer calls in silence. A UDP error ends nothing.

One socket per call, connected only once its far end has spoken: before that it would hand us ICMP errors of one that is
not up yet, and keep us from hearing one that sends from elsewhere.
"""

import asyncio
import contextlib
import logging
import os
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from callwright.base.errors import ProviderError
from callwright.media.codec import Codec
from callwright.media.codecs import installed
from callwright.media.frames import RATE_HZ
from callwright.ports.leg import SLOTS, Slot
from callwright.telephony.media_events import (
    Closed,
    FirstPacket,
    MediaEvent,
    MediaStats,
    NoAudio,
    PlaneStats,
    RecordingEnded,
)
from callwright.telephony.media_ports import PortPool
from callwright.telephony.media_sender import Told
from callwright.telephony.media_session import MediaSession
from callwright.telephony.media_stream import NO_AUDIO_S, Stream
from callwright.telephony.recorder import Recording, RecordingWriter

__all__ = [
    "Closed", "FirstPacket", "MediaEvent", "MediaPlane", "MediaSession", "MediaStats", "NoAudio", "PlaneStats", "RecordingEnded",
]  # fmt: skip

log = logging.getLogger(__name__)

STEP_S = 0.010
STEP_SAMPLES = 80
TURNS = 2
"Steps in 20 ms."

FEW = 100
"Streams that are sent for in one go without being late for the last of them: 1 ms on a slow machine."

BUCKETS = 100
"Steps in a second; a stream belongs to one."

LATE_MAX_S = 0.1
"Lateness that is made up for; jitter buffers of 100 ms are common."

READS_MAX = 8
"Packets that are taken from one socket for each step: 800 a second. A flood beyond it fills its own socket, not our time."

READY_MAX = 1024
"Sockets that one call of epoll tells."

PACKET_MAX = 2048
"Longer datagrams are cut; no RTP packet of telephony is."

LATENESS_KEPT = 2048
"Steps whose lateness `snapshot` looks at: 20 s, or 40 s of few calls."

STOP_TIMEOUT_S = 15.0
"For the thread to end: longer than the recorder may take for the disk."


def _nobody(_: MediaEvent) -> None: ...


class MediaPlane:
    """The thread. `start` before `open`; `stop` ends all sessions."""

    def __init__(
        self,
        host: str,
        port_min: int,
        port_max: int,
        loop: asyncio.AbstractEventLoop,
        *,
        codecs: Sequence[type[Codec]] = (),
        no_audio_s: float = NO_AUDIO_S,
        public: str = "",
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        """Sockets are bound to even ports of `host`, an IP address of ours. `on_failure` is called in the loop's thread.

        `no_audio_s`: how long a far end may send nothing until `NoAudio` is told; 0: for ever.
        `public`: the address by which peers reach us from outside of a NAT that keeps ports.
        `codecs`: that its sessions speak, in the order of their offers; none: all that are installed.
        """
        self.no_audio_s = no_audio_s
        self.codecs = tuple(codecs) or installed()
        self._loop, self._on_failure = loop, on_failure
        self.public = public
        self._ports = PortPool(host, port_min, port_max, public=public)
        self._writer = RecordingWriter()
        self._commands: deque[tuple[Callable[..., None], Stream, tuple[Any, ...]]] = deque()
        self._recorded: deque[tuple[Stream, str, str]] = deque()
        "Streams of which a recording is complete, its path and its error; filled by the writer's thread."

        self._out: list[Told] = []
        self._streams: dict[int, Stream] = {}
        "By file descriptor."

        self._buckets: list[dict[Stream, None]] = [{} for _ in range(BUCKETS)]
        self._senders: list[dict[Stream, None]] = [{} for _ in range(TURNS)]
        self._listeners: list[dict[Stream, None]] = [{} for _ in range(TURNS)]
        self._epoll = select.epoll()
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._wake_fd, select.EPOLLIN)
        self._buffer = bytearray(PACKET_MAX)
        self._view = memoryview(self._buffer)
        self._audio_view = self._view[12:172]
        self._idle = False
        self._stopping = False
        self._alive = False
        self._step = 0
        self._due = 0.0
        self._serving: Stream | None = None
        "Whose call ends if what we are doing fails."

        self._others = 0
        "Streams that have not the first turn."

        self._bridged: set[Stream] = set()
        "At least one of each pair; it may have been parted since."

        self._waits = 0
        self._lateness = [0.0] * LATENESS_KEPT
        self._skipped_steps = 0
        self._closed_sent = 0
        self._closed_received = 0
        self._thread = threading.Thread(target=self._run, name="callwright-media", daemon=True)

    # -- the event loop's side -------------------------------------------------------------------

    def start(self) -> None:
        """The process should also call `sys.setswitchinterval(0.0001)`; see the head of this file."""
        self._alive = True
        self._writer.start()
        self._thread.start()

    def stop(self) -> None:
        """End all sessions and wait for the thread; their `Closed` arrives when the loop runs on."""
        if self._stopping:
            return
        self._stopping = True
        os.eventfd_write(self._wake_fd, 1)
        if self._thread.is_alive():
            self._thread.join(STOP_TIMEOUT_S)
        if not self._thread.is_alive():
            os.close(self._wake_fd)

    @property
    def alive(self) -> bool:
        """The thread is at work."""
        return self._alive

    def open(self, on_event: Callable[[MediaEvent], None], host: str = "") -> MediaSession:
        """A session with a port of its own, at `host` where its far end reaches us at another address than the plane's; it
        speaks that address's family. `on_event` is called in the loop's thread.

        Raises `ProviderError` when no port is free, or the plane is not at work.
        """
        if not self._alive or self._stopping:
            raise ProviderError("the media plane is not running", retryable=True)
        sock = self._ports.open(host)
        stream = Stream(sock, on_event, self._out, self.no_audio_s)
        self.post(self._add, stream, ())
        return MediaSession(self, stream, sock.getsockname()[1])

    def snapshot(self) -> PlaneStats:
        late = sorted(self._lateness[: min(self._waits, LATENESS_KEPT)]) or [0.0]
        now = [stream.stats() for stream in list(self._streams.values())]
        return PlaneStats(
            sessions=len(now),
            packets_sent=self._closed_sent + sum(stats.packets_sent for stats in now),
            packets_received=self._closed_received + sum(stats.packets_received for stats in now),
            late_p50_ms=round(late[len(late) // 2] * 1000, 3),
            late_p99_ms=round(late[len(late) * 99 // 100] * 1000, 3),
            late_max_ms=round(late[-1] * 1000, 3),
            skipped_ms=int(self._skipped_steps * STEP_S * 1000),
            recorder_queue=self._writer.waiting,
        )

    def post(self, command: Callable[..., None], stream: Stream, arguments: tuple[Any, ...]) -> None:
        if self._alive:
            self._commands.append((command, stream, arguments))
            self._wake()

    def _wake(self) -> None:
        if self._idle:
            os.eventfd_write(self._wake_fd, 1)

    # -- the plane's thread: its life ------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._steps()
        finally:
            self._alive = False
            self._end(failed=sys.exception() is not None)

    def _steps(self) -> None:
        """Work until told to stop, or until serving a stream fails. That call is ended."""
        try:
            self._due = time.monotonic()
            while not self._stopping:
                self._wait()
                self._work()
        except Exception:  # the containment point of one call
            stream = self._serving
            if stream is None or stream.closed:
                raise
            log.exception("a call's media failed; the call ends")
            self.close(stream, self._clock)
            self._step += 1

    def _end(self, *, failed: bool) -> None:
        """Close every session, recordings first, and tell; each step even if another fails."""
        with contextlib.ExitStack() as last_first:
            last_first.callback(self._epoll.close)
            if failed:
                log.critical("the media plane failed")
                last_first.callback(self._call_soon, self._on_failure)
            last_first.callback(self._tell)
            last_first.callback(self._take_recorded)
            last_first.callback(self._writer.stop)
            self._take_commands()
            for stream in list(self._streams.values()):
                last_first.callback(self.close, stream, self._clock)

    # -- the clock -------------------------------------------------------------------------------

    @property
    def _clock(self) -> int:
        return self._step * STEP_SAMPLES

    def _wait(self) -> None:
        """Until the next step is due."""
        if not self._streams:
            self._sleep()
        left = self._due - time.monotonic()
        if left > 0:
            time.sleep(left)
        late = time.monotonic() - self._due
        self._lateness[self._waits % LATENESS_KEPT] = late
        self._waits += 1
        if late > LATE_MAX_S:
            skipped = int(late / (TURNS * STEP_S)) * TURNS
            self._step += skipped
            self._skipped_steps += skipped
            self._due += skipped * STEP_S

    def _sleep(self) -> None:
        """Until there is something to do."""
        self._idle = True
        while not (self._commands or self._recorded or self._stopping):
            self._epoll.poll()
            self._drain_wake_fd()
        self._idle = False
        self._due = time.monotonic()

    def _drain_wake_fd(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake_fd)

    def _work(self) -> None:
        """One step."""
        self._serving = None
        step, clock = self._step, self._clock
        if self._commands:
            self._take_commands()
        if self._recorded:
            self._take_recorded()
        self._send(self._senders[step % TURNS], clock)
        # With the other turn only where somebody has it.
        steps = 1 if self._others or self._bridged else TURNS - step % TURNS
        self._receive(clock, steps * READS_MAX)
        for stream in self._listeners[step % TURNS]:
            self._serving = stream
            stream.check_quiet(clock)
        for stream in self._buckets[step % BUCKETS]:
            self._serving = stream
            stream.each_second(clock)
        self._serving = None
        if self._out:
            self._tell()
        self._step = step + steps
        self._due += steps * STEP_S

    def _send(self, senders: dict[Stream, None], clock: int) -> None:
        over: list[Stream] = []
        for stream in senders:
            self._serving = stream
            if not stream.send(clock):
                over.append(stream)
        for stream in over:
            del senders[stream]

    def _receive(self, clock: int, reads_max: int) -> None:
        streams, buffer, view, audio = self._streams, self._buffer, self._view, self._audio_view
        for _ in range(reads_max):
            self._serving = None
            ready = self._epoll.poll(0, READY_MAX)
            if not ready:
                return
            for fd, _events in ready:
                stream = streams.get(fd)
                if stream is None:
                    self._drain_wake_fd()
                else:
                    self._serving = stream
                    stream.receive(buffer, view, audio, clock)

    def _tell(self) -> None:
        batch = deque(self._out)
        self._out.clear()
        if batch:
            self._call_soon(_deliver, self._loop, batch)

    def _call_soon(self, callback: Callable[..., object], *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._loop.call_soon_threadsafe(callback, *arguments)

    # -- commands, each with the stream and the clock first -----------------------------------------

    def _take_commands(self) -> None:
        clock = self._clock
        while self._commands:
            command, stream, arguments = self._commands.popleft()
            if stream.closed:
                continue
            self._serving = stream
            command(stream, clock, *arguments)
            if not stream.closed:
                self._place(stream)

    def _place(self, stream: Stream) -> None:
        """Give the stream the turns that it wants since the last command."""
        turn = stream.bucket % TURNS
        if stream.bridged:
            self._bridged.add(stream)
        else:
            self._bridged.discard(stream)
        if stream.sending:
            self._senders[turn][stream] = None
        if stream.listening:
            self._listeners[turn][stream] = None
        else:
            self._listeners[turn].pop(stream, None)

    def _add(self, stream: Stream, _clock: int) -> None:
        loads = [len(bucket) for bucket in self._buckets]
        turns = [sum(loads[turn::TURNS]) for turn in range(TURNS)]
        if turns[0] < FEW:
            turns[0] = -1
        stream.bucket = min(range(BUCKETS), key=lambda bucket: (turns[bucket % TURNS], loads[bucket]))
        self._others += bool(stream.bucket % TURNS)
        fd = stream.sock.fileno()
        self._streams[fd] = stream
        self._buckets[stream.bucket][stream] = None
        self._epoll.register(fd, select.EPOLLIN)

    def start_recording(self, stream: Stream, clock: int, path: str, slot: Slot) -> None:
        self.stop_recording(stream, clock, slot)
        stream.record(clock, slot, Recording(path, self._writer, clock, both=slot != "message"))

    def stop_recording(self, stream: Stream, clock: int, slot: Slot, cut_s: float = 0.0) -> None:
        recording = stream.unrecord(slot)
        if recording is not None:
            recording.finish(clock, partial(self._on_recorded, stream, recording.path), cut=int(cut_s * RATE_HZ))

    def close(self, stream: Stream, clock: int) -> None:
        if stream.closed:
            return
        stream.closed = True
        stream.end(clock)
        fd, port = stream.sock.fileno(), stream.sock.getsockname()[1]
        self._streams.pop(fd, None)
        stream.sock.close()  # which takes it off epoll, too
        self._ports.release(port)
        self._buckets[stream.bucket].pop(stream, None)
        self._others -= bool(stream.bucket % TURNS)
        self._bridged.discard(stream)
        self._senders[stream.bucket % TURNS].pop(stream, None)
        self._listeners[stream.bucket % TURNS].pop(stream, None)
        stream.stop_playing(clock)
        stream.bridge(clock, None)
        for slot in SLOTS:
            self.stop_recording(stream, clock, slot)
        if not stream.recordings_open:
            self._tell_closed(stream)

    def _tell_closed(self, stream: Stream) -> None:
        stats = stream.stats()
        self._closed_sent += stats.packets_sent
        self._closed_received += stats.packets_received
        stream.tell(Closed(stats))
        # Its owner and it would hold each other until the collector comes by.
        stream.on_event = _nobody

    # -- what the writer's thread tells ----------------------------------------------------------------

    def _on_recorded(self, stream: Stream, path: str, error: str) -> None:
        """Called in the writer's thread."""
        self._recorded.append((stream, path, error))
        self._wake()

    def _take_recorded(self) -> None:
        while self._recorded:
            stream, path, error = self._recorded.popleft()
            stream.recordings_open -= 1
            stream.tell(RecordingEnded(path, error))
            stream.recording_error = stream.recording_error or error
            if stream.closed and not stream.recordings_open:
                self._tell_closed(stream)


def _deliver(loop: asyncio.AbstractEventLoop, batch: deque[Told]) -> None:
    """Tell a step's events, in order. What one listener raises is the loop's to report; the others are told."""
    try:
        while batch:
            on_event, event = batch.popleft()
            on_event(event)
    finally:
        if batch:
            loop.call_soon(_deliver, loop, batch)
