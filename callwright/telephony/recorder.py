"""Recording a call into a WAV: both sides (left the far end, right what we play), or the far end alone.

A recording has two halves. `Recording` lives in the media plane's thread and touches no file: it keeps a window of
the last two seconds of both sides, in which sent frames are put by the plane's clock and received ones by their RTP
timestamp, and hands on whatever can change no more, once a second. `RecordingFile` lives in the writer's thread,
which alone waits for disks.

Time. Sample 0 is the tick of the plane's clock at which recording began, on both sides. The first packet received
lies where it arrived; every later one lies by its timestamp relative to that, so that the network's jitter moves
nothing and a lost packet is 20 ms of silence. But a peer's timestamps are its own affair: they jump, stand still
while it is silent, or run a little fast. Where they say something more than `DRIFT_MAX` off the moment of arrival,
the packet lies where it arrived and the later ones follow it. So no packet can make a recording longer than the
call.

Falling behind. The writer's queue is bounded. When the disk is slower than the calls, blocks are dropped and leave
silence of their length; the plane never waits. Each block carries its position, so what follows lies right.

The file is `path` with `.part` behind it until it is complete. Its header is put right after every block, so that
what a `kill -9` leaves is a WAV file that plays, up to the last second or two; only its name tells that the end is
missing."""

import contextlib
import logging
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue

from callwright.media import wav
from callwright.media.frames import RATE_HZ
from callwright.media.g711 import SILENCE_BYTE

log = logging.getLogger(__name__)

WINDOW = 2 * RATE_HZ
"Samples in which a packet can still find its place."

MUTE_TAIL = RATE_HZ * 3 // 10
"""300 ms. The far end stays muted for so long after the program no longer is: a telephone that sends a key as an event may
send its tone as well, and goes on with it until the finger is lifted."""

DRIFT_MAX = RATE_HZ // 5
"200 ms: more than networks jitter, less than an ear would notice between two sides."

QUEUE_MAX = 4000
"Blocks of one second and one call (16 KB) waiting for the disk: 64 MB, over 10 s of 300 calls."

CLOSE_TIMEOUT_S = 10.0
"How long the writer may take for what is queued when the plane stops."

PART = ".part"

_SILENCE = bytes([SILENCE_BYTE])


class RecordingFile:
    """One µ-law WAV file of one or two channels. Used by the writer's thread only; an error ends the file, not the call."""

    def __init__(self, path: str, channels: int = 2) -> None:
        self.path = path
        self._channels = channels
        self.error = ""
        self._fd = -1
        self._frames = 0

    def open(self) -> None:
        try:
            self._fd = os.open(self.path + PART, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            os.pwrite(self._fd, wav.ulaw_header(0, self._channels), 0)
        except OSError as error:
            self._fail(error)

    def write(self, position: int, left: bytes, right: bytes) -> None:
        """Put a block of both sides at `position`, in samples; what lies between it and the last block is silence."""
        if self._fd < 0:
            return
        gap = position - self._frames
        block = bytearray(left)
        if self._channels == 2:
            block = bytearray(2 * len(left))
            block[0::2], block[1::2] = left, right
        try:
            self._append(_SILENCE * (self._channels * gap) + block if gap > 0 else block)
        except OSError as error:
            self._fail(error)

    def finish(self, frames: int) -> None:
        """Close the file at that length, filled up with silence or cut, and give it its name."""
        if frames > self._frames:
            self.write(frames, b"", b"")
        if self._fd < 0:
            self.error = self.error or f"{self.path}: could not be opened"
            return
        try:
            if frames < self._frames:
                os.ftruncate(self._fd, wav.HEADER_BYTES + self._channels * frames)
                os.pwrite(self._fd, wav.ulaw_header(frames, self._channels), 0)
            os.close(self._fd)
            os.replace(self.path + PART, self.path)
        except OSError as error:
            self._fail(error)
        self._fd = -1

    def _append(self, both: bytes | bytearray) -> None:
        at = wav.HEADER_BYTES + self._channels * self._frames
        view = memoryview(both)
        while view:
            written = os.pwrite(self._fd, view, at)
            view, at = view[written:], at + written
        self._frames += len(both) // self._channels
        os.pwrite(self._fd, wav.ulaw_header(self._frames, self._channels), 0)

    def _fail(self, error: OSError) -> None:
        self.error = f"{self.path}: {error.strerror}"
        log.error("recording stopped: %s", self.error)
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.close(self._fd)
        self._fd = -1


class RecordingWriter:
    """The thread that does all file work of recordings, in the order in which it is given."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="callwright-recorder", daemon=True)
        self.dropped = 0
        "Blocks that found the queue full."

    @property
    def waiting(self) -> int:
        return self._queue.qsize()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish what is queued; returns after `CLOSE_TIMEOUT_S` at the latest."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join(CLOSE_TIMEOUT_S)

    def put(self, job: Callable[[], None]) -> None:
        self._queue.put(job)

    def put_block(self, file: RecordingFile, position: int, left: bytes, right: bytes) -> bool:
        """False where the queue is full and the block is dropped."""
        if self._queue.qsize() >= QUEUE_MAX:
            self.dropped += 1
            return False
        self._queue.put(lambda: file.write(position, left, right))
        return True

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            try:
                job()
            except Exception:  # the containment point of one recording
                log.exception("a recording failed")


class Recording:
    """The plane's side of a recording. Positions and clocks are in samples; `clock` is the plane's."""

    __slots__ = (
        "_anchors", "_both", "_deaf_until", "_file", "_left", "_muted", "_right", "_sent_until", "_start", "_writer", "_zero",
        "dropped", "path",
    )  # fmt: skip

    def __init__(self, path: str, writer: RecordingWriter, clock: int, *, both: bool = True) -> None:
        self.path = path
        self._muted = False
        "What is said now leaves silence."

        self._deaf_until = 0
        self._both = both
        self._writer = writer
        self._file = RecordingFile(path, 2 if both else 1)
        self._zero = clock
        self._start = 0
        "Position of the window's first sample."

        self._sent_until = 0
        self._left = bytearray(_SILENCE * WINDOW)
        self._right = bytearray(_SILENCE * WINDOW)
        self._anchors: list[int | None] = [None, None]
        "RTP timestamp of position 0 on each side, as the last packet that was placed by its arrival has it."

        self.dropped = False
        "A block found the writer's queue full."

        writer.put(self._file.open)

    def mute(self, clock: int, on: bool) -> None:
        """What is said while it is on leaves silence."""
        if self._muted and not on:
            self._deaf_until = clock + MUTE_TAIL
        self._muted = on

    def sent(self, frame: bytes, clock: int) -> None:
        """Put a frame of ours that goes out now."""
        if self._muted or not self._both:
            return
        at = clock - self._zero - self._start
        if at + len(frame) > WINDOW:
            self.flush(clock)
            at = clock - self._zero - self._start
        self._right[at : at + len(frame)] = frame
        self._sent_until = at + self._start + len(frame)

    def received(self, payload: bytes | memoryview, timestamp: int, clock: int) -> None:
        """Put a packet's audio that arrived now."""
        at = self._place(0, timestamp, clock)
        end = at + len(payload)
        if at >= 0 and end <= WINDOW and not self._muted and clock >= self._deaf_until:
            self._left[at:end] = payload

    def relayed(self, payload: bytes | memoryview, timestamp: int, clock: int) -> None:
        """Put a packet of another party that arrived there, and goes out here, now."""
        if self._muted or not self._both:
            return
        at = self._place(1, timestamp, clock)
        end = at + len(payload)
        if at >= 0 and end <= WINDOW and clock >= self._deaf_until:
            self._right[at:end] = payload
            self._sent_until = max(self._sent_until, end + self._start)

    def _place(self, side: int, timestamp: int, clock: int) -> int:
        """Where in the window a packet lies."""
        arrival = clock - self._zero
        position = self._position(side, timestamp, arrival)
        if arrival - self._start > WINDOW // 2 + RATE_HZ // 2:
            self.flush(clock)
        return position - self._start

    def _position(self, side: int, timestamp: int, arrival: int) -> int:
        anchor = self._anchors[side]
        if anchor is not None:
            position = (timestamp - anchor) & 0xFFFFFFFF
            if -DRIFT_MAX <= position - arrival <= DRIFT_MAX:
                return position
        arrival = max(arrival, 0)
        self._anchors[side] = timestamp - arrival
        return arrival

    def flush(self, clock: int) -> None:
        """Hand on what can change no more. To be called once a second."""
        self._hand_on(clock - self._zero - 2 * DRIFT_MAX)

    def finish(self, clock: int, done: Callable[[str], None], *, cut: int = 0) -> None:
        """Hand on the rest up to `clock`, with the frame that is still heard then; the last `cut` samples are taken off.

        `done` is called in the writer's thread, with the error or an empty string.
        """
        self._hand_on(max(clock - self._zero, self._sent_until))
        file, frames, dropped = self._file, max(0, self._start - cut), self.dropped

        def finish() -> None:
            error = "the recorder failed; see the log of the engine"
            try:
                file.finish(frames)
                error = file.error or ("the disk was too slow; parts are silent" if dropped else "")
            finally:
                done(error)

        self._writer.put(finish)

    def _hand_on(self, until: int) -> None:
        count = min(until - self._start, WINDOW)
        if count <= 0:
            return
        left, right = bytes(self._left[:count]), bytes(self._right[:count])
        self.dropped |= not self._writer.put_block(self._file, self._start, left, right)
        silence = _SILENCE * count
        del self._left[:count], self._right[:count]
        self._left += silence
        self._right += silence
        self._start = until
