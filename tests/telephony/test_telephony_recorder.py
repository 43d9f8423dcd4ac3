"""Recordings: what lies where, on real files; and through the media plane with a real peer."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rtp_peer import HOST, Call, free_ports

from callwright.media import wav
from callwright.telephony import recorder
from callwright.telephony.plane import Closed, MediaPlane
from callwright.telephony.recorder import (
    DRIFT_MAX,
    MUTE_TAIL,
    PART,
    QUEUE_MAX,
    WINDOW,
    Recording,
    RecordingFile,
    RecordingWriter,
)

pytestmark = pytest.mark.wire

SILENCE = 0xFF


@pytest.fixture
def writer():
    writer = RecordingWriter()
    writer.start()
    yield writer
    writer.stop()


def sides(path):
    """Left and right of a finished recording."""
    with open(path, "rb") as file:
        wave = wav.parse(file.read())
    assert (wave.format, wave.channels, wave.rate_hz) == (wav.ULAW, 2, 8000)
    return wave.data[0::2], wave.data[1::2]


def spans(side):
    """Where the audio lies: (first sample, length, byte) of each run that is not silence."""
    found, at = [], 0
    while at < len(side):
        end = at
        while end < len(side) and side[end] == side[at]:
            end += 1
        if side[at] != SILENCE:
            found.append((at, end - at, side[at]))
        at = end
    return found


class Tape:
    """A recording with the clock in the test's hand, from clock 1000000 on."""

    ZERO = 1000000

    def __init__(self, path, writer):
        self.path, self.writer = str(path), writer
        self.recording = Recording(self.path, writer, self.ZERO)

    def left(self, byte, timestamp, at, samples=160):
        self.recording.received(bytes([byte]) * samples, timestamp & 0xFFFFFFFF, self.ZERO + at)

    def relayed(self, byte, timestamp, at):
        self.recording.relayed(bytes([byte]) * 160, timestamp, self.ZERO + at)

    def right(self, byte, at):
        self.recording.sent(bytes([byte]) * 160, self.ZERO + at)

    def finish(self, at):
        errors = []
        self.recording.finish(self.ZERO + at, errors.append)
        self.writer.stop()
        assert errors == [""]
        assert not os.path.exists(self.path + PART)
        return sides(self.path)


@pytest.fixture
def tape(tmp_path, writer):
    return Tape(tmp_path / "call.wav", writer)


def test_both_sides_lie_where_they_were_heard(tape):
    tape.right(1, 0)
    tape.left(2, 50000, 800)
    tape.right(3, 1600)
    left, right = tape.finish(8000)
    assert spans(left) == [(800, 160, 2)]
    assert spans(right) == [(0, 160, 1), (1600, 160, 3)]
    assert len(left) == len(right) == 8000


def test_jitter_moves_nothing_and_loss_is_silence(tape):
    for number, late in enumerate([0, 700, 30, 160, 0, 1200, 90]):
        if number != 3:
            tape.left(10 + number, 0xFFFFFF00 + 160 * number, 400 + 160 * number + late)
    left, _ = tape.finish(4000)
    assert spans(left) == [(400 + 160 * n, 160, 10 + n) for n in range(7) if n != 3]


def test_packets_out_of_order_find_their_place(tape):
    for number in (0, 2, 1, 4, 3):
        tape.left(10 + number, 160 * number, 160 * number)
    left, _ = tape.finish(1600)
    assert spans(left) == [(160 * n, 160, 10 + n) for n in range(5)]


def test_another_party_lies_by_its_timestamps_too(tape):
    """What a bridge relays comes in bursts, and is heard where it belongs."""
    for packet, at in enumerate((0, 160, 700, 700, 705, 800)):
        tape.relayed(0x10 + packet, 5000 + 160 * packet, at)
    left, right = tape.finish(1600)
    assert spans(left) == []
    assert spans(right) == [(160 * packet, 160, 0x10 + packet) for packet in range(6)]


def test_what_is_said_while_it_is_muted_is_silence(tape):
    for at in range(0, 16000, 160):
        if at in (4000, 8000):
            tape.recording.mute(tape.ZERO + at, at == 4000)
        tape.left(0x21, 900 + at, at)
        tape.right(0x22, at)
    left, right = tape.finish(16000)
    assert spans(right) == [(0, 4000, 0x22), (8000, 8000, 0x22)]
    assert spans(left) == [(0, 4000, 0x21), (8000 + MUTE_TAIL, 8000 - MUTE_TAIL, 0x21)]


def test_another_party_stays_silent_as_long_as_ours(tape):
    """Whoever presses the last key of something private may be the other one, and hold it a little longer."""
    for at in range(0, 16000, 160):
        if at in (4000, 8000):
            tape.recording.mute(tape.ZERO + at, at == 4000)
        tape.relayed(0x23, 900 + at, at)
    _, right = tape.finish(16000)
    assert spans(right) == [(0, 4000, 0x23), (8000 + MUTE_TAIL, 8000 - MUTE_TAIL, 0x23)]


def test_packets_of_30_ms(tape):
    for number in range(4):
        tape.left(5 + number, 240 * number, 240 * number, samples=240)
    left, _ = tape.finish(1600)
    assert spans(left) == [(240 * n, 240, 5 + n) for n in range(4)]


def test_a_timestamp_that_jumps_does_not_stretch_the_recording(tape):
    tape.left(1, 1000, 0)
    tape.left(2, 1160 + 8000 * 3600, 160)
    tape.left(3, 1320 + 8000 * 3600, 320)
    tape.left(4, 7, 480)
    left, right = tape.finish(1600)
    assert spans(left) == [(0, 160, 1), (160, 160, 2), (320, 160, 3), (480, 160, 4)]
    assert len(left) == len(right) == 1600


def test_a_timestamp_that_stood_still_in_a_silence(tape):
    tape.left(1, 160, 0)
    tape.left(2, 320, 8000)
    left, _ = tape.finish(9000)
    assert spans(left) == [(0, 160, 1), (8000, 160, 2)]


def test_a_clock_that_runs_fast_stays_in_step(tape):
    """1 % fast for a minute: 600 ms in all."""
    for number in range(3000):
        tape.left(1 + number % 200, 160 * number, int(160 * number * 0.99))
        if number % 50 == 0:
            tape.recording.flush(tape.ZERO + int(160 * number * 0.99))
    left, _ = tape.finish(int(160 * 3000 * 0.99) + DRIFT_MAX)
    last = spans(left)[-1]
    assert last[2] == 1 + 2999 % 200
    assert abs(last[0] - int(160 * 2999 * 0.99)) <= DRIFT_MAX


def test_a_long_recording_with_flushes_is_whole(tape):
    for number in range(500):
        tape.left(1 + number % 200, 160 * number, 160 * number)
        tape.right(1 + number % 100, 160 * number)
        if number % 50 == 49:
            tape.recording.flush(tape.ZERO + 160 * number)
    left, right = tape.finish(80000)
    assert left == b"".join(bytes([1 + n % 200]) * 160 for n in range(500))
    assert right == b"".join(bytes([1 + n % 100]) * 160 for n in range(500))


def test_a_clock_that_jumped_leaves_silence(tape):
    tape.right(1, 0)
    tape.left(2, 0, 0)
    tape.recording.flush(tape.ZERO + 80000)
    tape.right(3, 80000)
    tape.left(4, 80000, 80000)
    left, right = tape.finish(88000)
    assert spans(left) == [(0, 160, 2), (80000, 160, 4)]
    assert spans(right) == [(0, 160, 1), (80000, 160, 3)]
    assert len(left) == 88000


def test_a_jump_without_a_flush(tape):
    tape.right(1, 0)
    tape.right(2, 3 * WINDOW)
    tape.left(3, 0, 3 * WINDOW + 40)
    left, right = tape.finish(4 * WINDOW)
    assert spans(right) == [(0, 160, 1), (3 * WINDOW, 160, 2)]
    assert spans(left) == [(3 * WINDOW + 40, 160, 3)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 4000), st.integers(0, 0xFFFFFFFF), st.integers(0, 800), st.booleans()), max_size=60
    )
)
def test_whatever_arrives_the_length_is_the_time(tmp_path_factory, packets):
    writer = RecordingWriter()
    writer.start()
    tape = Tape(tmp_path_factory.mktemp("any") / "call.wav", writer)
    clock = 0
    for wait, timestamp, samples, flush in packets:
        clock += wait
        tape.left(1, timestamp, clock, samples=samples)
        tape.right(2, clock)
        if flush:
            tape.recording.flush(tape.ZERO + clock)
    left, right = tape.finish(clock + 160)
    assert len(left) == len(right) == clock + 160


def test_the_file_is_readable_before_it_is_finished(tape):
    tape.right(1, 0)
    tape.recording.flush(tape.ZERO + 8000)
    tape.writer.stop()
    left, right = sides(tape.path + PART)
    assert spans(right) == [(0, 160, 1)]
    assert len(left) == len(right) == 8000 - 2 * DRIFT_MAX
    assert not os.path.exists(tape.path)


def test_a_folder_that_is_not_there_is_told_and_survived(tmp_path, writer):
    errors = []
    recording = Recording(str(tmp_path / "no" / "such.wav"), writer, 0)
    recording.sent(bytes(160), 0)
    recording.flush(20000)
    recording.finish(24000, errors.append)
    writer.stop()
    assert errors == [f"{tmp_path}/no/such.wav: No such file or directory"]


def test_a_full_disk_ends_the_recording_and_not_the_writer(tmp_path, writer):
    os.symlink("/dev/full", tmp_path / ("full.wav" + PART))
    errors = []
    full = Recording(str(tmp_path / "full.wav"), writer, 0)
    full.finish(800, errors.append)
    tape = Tape(tmp_path / "good.wav", writer)
    tape.right(1, 0)
    assert spans(tape.finish(800)[1]) == [(0, 160, 1)]
    assert errors == [f"{tmp_path}/full.wav: No space left on device"]


def test_a_path_that_no_system_takes_is_told_and_ends_nothing_else(tmp_path, writer):
    errors = []
    Recording(f"{tmp_path}/\0", writer, 0).finish(800, errors.append)
    tape = Tape(tmp_path / "good.wav", writer)
    tape.right(1, 0)
    assert spans(tape.finish(800)[1]) == [(0, 160, 1)]
    assert "could not be opened" in errors[0]


def test_a_slow_disk_costs_blocks_but_never_waits(tmp_path):
    """A writer that does not run at all stands for a disk that is infinitely slow."""
    writer = RecordingWriter()
    file = RecordingFile(str(tmp_path / "slow.wav"))
    writer.put(file.open)
    accepted = [writer.put_block(file, 10 * number, b"\1" * 10, b"\2" * 10) for number in range(QUEUE_MAX + 5)]
    assert accepted == [True] * (QUEUE_MAX - 1) + [False] * 6
    assert (writer.dropped, writer.waiting) == (6, QUEUE_MAX)
    writer.start()
    frames = 10 * (QUEUE_MAX + 5)
    writer.put(lambda: file.finish(frames))
    writer.stop()
    left, right = sides(file.path)
    assert spans(left) == [(0, 10 * (QUEUE_MAX - 1), 1)]
    assert len(right) == frames


# -- through the plane -----------------------------------------------------------------------------


async def test_a_call_is_recorded_on_both_sides(plane, tmp_path):
    path = str(tmp_path / "call.wav")
    call = Call(plane)
    call.session.start_recording(path)
    call.session.play([tuple(bytes([1 + n]) * 160 for n in range(100))], 1)
    begun = time.monotonic()
    for number in range(75):
        if number == 30:
            call.peer.sequence += 5
            call.peer.timestamp += 800
            await asyncio.sleep(0.1)  # the peer's loss: five packets
        call.peer.send(call.session, bytes([101 + number]) * 160)
        await asyncio.sleep(max(0.0, begun + 0.02 * (number + 1 + 5 * (number >= 30)) - time.monotonic()))
    await call.peer.got(100)
    call.session.close()
    closed = await call.told.event(Closed)
    lasted = time.monotonic() - begun
    assert closed.stats.recording_error == ""
    left, right = sides(path)
    assert len(left) == len(right)
    assert len(left) / 8000 == pytest.approx(lasted, abs=0.05)
    ours, theirs = spans(right), spans(left)
    assert [(length, byte) for _, length, byte in ours] == [(160, 1 + n) for n in range(100)]
    assert [at - ours[0][0] for at, _, _ in ours] == [160 * n for n in range(100)]
    assert [(length, byte) for _, length, byte in theirs] == [(160, 101 + n) for n in range(75)]
    assert [at - theirs[0][0] for at, _, _ in theirs] == [160 * (n + 5 * (n >= 30)) for n in range(75)]
    assert abs(ours[0][0] - theirs[0][0]) <= 200, "both began at once: within 25 ms of each other"
    call.peer.close()


async def test_stopping_and_starting_makes_two_files(plane, tmp_path):
    call = Call(plane)
    for name in ("one", "two"):
        call.session.start_recording(str(tmp_path / name))
        call.session.play([(bytes(160),) * 5], 1)
        await call.peer.got(5 if name == "one" else 10)
    call.session.stop_recording()
    call.session.stop_recording()
    call.session.close()
    await call.told.event(Closed)
    assert sorted(os.listdir(tmp_path)) == ["one", "two"]
    for name in ("one", "two"):
        assert [length for _, length, _ in spans(sides(tmp_path / name)[1])] == [800]
    call.peer.close()


async def test_a_recording_that_fails_is_told_with_the_end(plane, tmp_path):
    call = Call(plane)
    call.session.start_recording(str(tmp_path / "no" / "such"))
    call.session.play([(bytes(160),) * 5], 1)
    await call.peer.got(5)
    call.session.close()
    assert "No such file" in (await call.told.event(Closed)).stats.recording_error
    call.peer.close()


async def test_stopping_the_plane_completes_recordings(tmp_path):
    plane = MediaPlane(HOST, *free_ports(4), asyncio.get_running_loop())
    plane.start()
    call = Call(plane)
    call.session.start_recording(str(tmp_path / "call.wav"))
    call.session.play([(bytes(160),) * 500], 1)
    await call.peer.got(5)
    plane.stop()
    assert next(length for _, length, _ in spans(sides(tmp_path / "call.wav")[1])) >= 800
    await call.told.event(Closed)
    call.peer.close()


KILLED = """
import asyncio, sys
from callwright.telephony.media_coding import Agreed
from callwright.telephony.plane import MediaPlane
async def main():
    plane = MediaPlane("127.0.0.1", int(sys.argv[1]), int(sys.argv[2]), asyncio.get_running_loop())
    plane.start()
    session = plane.open(lambda event: None)
    session.connect("127.0.0.1", 9, Agreed(None))
    session.start_recording(sys.argv[3])
    session.play([(bytes(160),) * 3000], 1)
    await asyncio.sleep(2.5)
    print("now", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def test_what_a_kill_leaves_is_a_recording(tmp_path):
    first, last = free_ports(2)
    path = str(tmp_path / "call.wav")
    command = [sys.executable, "-c", KILLED, str(first), str(last), path]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"now\n"
        os.kill(process.pid, signal.SIGKILL)
    left, right = sides(path + PART)
    assert len(left) == len(right)
    assert len(right) >= 8000
    assert right.strip(b"\xff") == bytes(len(right.strip(b"\xff"))), "what we played and nothing else"
    assert recorder.PART == ".part"
