"""The media plane against a real UDP peer."""

import asyncio
import socket
import struct
import threading
import time

import pytest
from rtp_peer import HOST, Call, Inbox, Peer, free_ports

from callwright.base.errors import PeerError, ProviderError
from callwright.media.frames import frames
from callwright.media.rtp import Packet
from callwright.ports.leg import KeyPressed, PlayEnded, SpeechEnded, SpeechStarted
from callwright.telephony.media_coding import Agreed
from callwright.telephony.plane import Closed, FirstPacket, MediaPlane

pytestmark = pytest.mark.wire

PROMPT = frames(bytes(number % 251 for number in range(32000)))
"4 s, in which each frame differs from its neighbours."


@pytest.fixture
async def call(plane):
    call = Call(plane)
    yield call
    call.session.close()
    await call.told.event(Closed)
    call.peer.close()


def numbered(count, start=0):
    return tuple(bytes([(start + n) % 256]) * 160 for n in range(count))


async def test_a_prompt_is_sent_exactly(call):
    call.session.play([PROMPT], 7)
    assert await call.told.event(PlayEnded) == PlayEnded(7, interrupted=False)
    packets = call.peer.packets
    assert [packet.payload for packet in packets] == list(PROMPT)
    assert len(packets) == 200
    assert [packet.marker for packet in packets] == [True] + [False] * 199
    first = packets[0]
    assert [p.sequence for p in packets] == [(first.sequence + n) & 0xFFFF for n in range(200)]
    assert [p.timestamp for p in packets] == [(first.timestamp + 160 * n) & 0xFFFFFFFF for n in range(200)]
    assert {(p.payload_type, p.ssrc) for p in packets} == {(0, first.ssrc)}
    times = [at for at, _ in call.peer.inbox.items]
    assert times[-1] - times[0] == pytest.approx(3.98, abs=0.1)


async def test_several_frame_lists_go_out_without_a_gap(call):
    call.session.play([numbered(3), (), numbered(2, 3), numbered(1, 5)], 1)
    await call.told.event(PlayEnded)
    packets = call.peer.packets
    assert [packet.payload[0] for packet in packets] == [0, 1, 2, 3, 4, 5]
    assert [packet.marker for packet in packets] == [True] + [False] * 5
    assert packets[5].timestamp - packets[0].timestamp & 0xFFFFFFFF == 800


async def test_nothing_is_sent_in_a_pause_and_timestamps_know_it(call):
    call.session.play([numbered(5)], 1)
    await call.told.event(PlayEnded)
    await asyncio.sleep(0.3)  # the pause itself
    call.session.play([numbered(5)], 2)
    await call.told.event(PlayEnded, 2)
    packets, times = call.peer.packets, [at for at, _ in call.peer.inbox.items]
    assert len(packets) == 10
    assert packets[5].marker and not packets[6].marker
    assert packets[5].sequence == packets[4].sequence + 1 & 0xFFFF
    pause = (packets[5].timestamp - packets[4].timestamp & 0xFFFFFFFF) / 8000
    assert pause == pytest.approx(times[5] - times[4], abs=0.05)
    assert pause >= 0.3


async def test_play_in_place_of_what_plays(call):
    call.session.play([numbered(1000)], 1)
    await call.peer.got(5)
    call.session.play([(b"\x99" * 160,) * 5], 2)
    assert await call.told.event(PlayEnded, 1) == PlayEnded(1, interrupted=True)
    assert await call.told.event(PlayEnded, 2) == PlayEnded(2, interrupted=False)
    payloads = [packet.payload[0] for packet in call.peer.packets]
    assert payloads[-5:] == [0x99] * 5
    assert payloads.count(0x99) == 5
    assert sum(packet.marker for packet in call.peer.packets) == 1, "one talkspurt"


async def test_stop_playing(call):
    call.session.play([numbered(1000)], 1)
    await call.peer.got(3)
    call.session.stop_playing()
    assert await call.told.event(PlayEnded) == PlayEnded(1, interrupted=True)
    sent = len(call.peer.packets)
    call.session.stop_playing()
    call.session.play([], 2)
    assert await call.told.event(PlayEnded, 2) == PlayEnded(2, interrupted=False)
    assert len(call.peer.packets) <= sent + 1
    assert len(call.told.of(PlayEnded)) == 2


async def test_a_prompt_starts_within_20_ms(plane):
    """Whatever the moment; several, played at once. Generous to a busy machine."""
    calls = [Call(plane) for _ in range(8)]
    await asyncio.sleep(0.1)  # all are served: the next command waits for nothing but its turn
    begun = time.monotonic()
    for call in calls:
        call.session.play([numbered(2)], 1)
    for call in calls:
        await call.peer.got(1)
    waits = sorted(call.peer.inbox.items[0][0] - begun for call in calls)
    assert waits[-1] < 0.04
    for call in calls:
        call.peer.close()


async def test_a_key_is_told_once(call):
    call.peer.press(call.session, 5)
    call.peer.press(call.session, 5)
    call.peer.press(call.session, 11)
    await call.told.event(KeyPressed, 3)
    call.session.close()
    await call.told.event(Closed)
    assert [event.key for event in call.told.of(KeyPressed)] == ["5", "5", "#"]


async def test_the_key_events_payload_type_is_the_negotiated_one(call):
    call.connect(Agreed(96))
    call.peer.press(call.session, 1, payload_type=101)
    call.peer.press(call.session, 2, payload_type=96)
    await call.told.event(KeyPressed)
    call.connect(Agreed(None))
    call.peer.press(call.session, 3, payload_type=96)
    call.session.play([numbered(5)], 1)
    await call.told.event(PlayEnded)
    call.connect(Agreed(96))
    call.peer.press(call.session, 4, payload_type=96)
    await call.told.event(KeyPressed, 2)
    assert [event.key for event in call.told.of(KeyPressed)] == ["2", "4"]


async def test_keys_are_sent_paced(plane):
    """From one session to another, as the far end's stack would take them."""
    sender, receiver = Call(plane), Call(plane, connect=False)
    receiver.session.connect(HOST, sender.session.port, Agreed(101))
    sender.session.connect(HOST, receiver.session.port, Agreed(101))
    begun = time.monotonic()
    sender.session.send_keys("1")
    sender.session.send_keys("2,3")
    await receiver.told.event(KeyPressed, 3)
    took = time.monotonic() - begun
    assert [event.key for event in receiver.told.of(KeyPressed)] == ["1", "2", "3"]
    assert took == pytest.approx(0.24 + 0.24 + 1, abs=0.15)


async def test_a_key_on_the_wire(call):
    call.session.play([numbered(1000)], 1)
    await call.peer.got(2)
    call.session.send_keys("8")
    await call.peer.inbox.until(lambda items: sum(packet.payload_type == 101 for _, packet in items) == 10)
    await call.peer.got(len(call.peer.packets) + 3)
    packets = call.peer.packets
    events = [n for n, packet in enumerate(packets) if packet.payload_type == 101]
    assert events == list(range(events[0], events[0] + 10)), "audio waits for the key"
    key = packets[events[0] : events[-1] + 1]
    assert len({packet.timestamp for packet in key}) == 1
    assert [packet.marker for packet in key] == [True] + [False] * 9
    durations = [int.from_bytes(packet.payload[2:], "big") for packet in key]
    assert durations == [160 * n for n in range(1, 9)] + [1280, 1280]
    assert [p.sequence for p in packets] == [packets[0].sequence + n & 0xFFFF for n in range(len(packets))]
    before, after = packets[events[0] - 1], packets[events[-1] + 1]
    assert after.marker
    assert after.payload[0] == before.payload[0] + 1
    assert after.timestamp - before.timestamp & 0xFFFFFFFF == 160 * 13


async def test_the_first_packet_is_told_once_and_loss_is_counted(call):
    for _ in range(10):
        call.peer.send(call.session)
    call.peer.send(call.session, skip=3)
    call.peer.tap(call.session, 1)
    await call.told.event(KeyPressed)
    call.session.close()
    stats = (await call.told.event(Closed)).stats
    assert (stats.packets_received, stats.lost, stats.foreign) == (12, 3, 0)
    assert len(call.told.of(FirstPacket)) == 1


async def test_a_far_end_behind_nat_is_followed_and_third_parties_are_not(call):
    """The SDP said one address; packets come from another."""
    nat, third = Peer(), Peer()
    nat.send(call.session)
    nat.send(call.session)
    nat.press(call.session, 4)
    await call.told.event(KeyPressed)
    call.session.play([numbered(3)], 1)
    await nat.got(3)
    for _ in range(5):
        third.send(call.session)
    third.press(call.session, 9)
    nat.press(call.session, 6)
    await call.told.event(KeyPressed, 2)
    call.session.close()
    stats = (await call.told.event(Closed)).stats
    assert [event.key for event in call.told.of(KeyPressed)] == ["4", "6"]
    assert stats.foreign == 15
    assert call.peer.packets == []
    nat.close(), third.close()


async def test_the_signalled_address_wins_at_once_and_stays(call):
    third = Peer()
    third.send(call.session)
    third.send(call.session)
    call.peer.press(call.session, 1)
    await call.told.event(KeyPressed)
    for _ in range(10):
        third.press(call.session, 2)
    call.peer.press(call.session, 3)
    await call.told.event(KeyPressed, 2)
    call.session.play([numbered(2)], 1)
    await call.peer.got(2)
    assert [event.key for event in call.told.of(KeyPressed)] == ["1", "3"]
    assert third.packets == []
    third.close()


async def test_the_signalled_address_wins_over_one_that_was_believed(call):
    early = Peer()
    early.press(call.session, 1)
    await call.told.event(KeyPressed)
    call.peer.press(call.session, 2)
    await call.told.event(KeyPressed, 2)
    early.press(call.session, 3)
    call.peer.press(call.session, 4)
    await call.told.event(KeyPressed, 3)
    assert [event.key for event in call.told.of(KeyPressed)] == ["1", "2", "4"]
    early.close()


async def test_a_reinvite_moves_the_call_in_mid_prompt(call):
    new = Peer()
    call.session.play([numbered(200)], 1)
    await call.peer.got(5)
    call.session.connect(HOST, new.port, Agreed(101))
    await new.got(5)
    old_payloads = [packet.payload[0] for packet in call.peer.packets]
    assert new.packets[0].payload[0] == old_payloads[-1] + 1
    assert new.packets[0].ssrc == call.peer.packets[0].ssrc
    new.press(call.session, 6)
    assert (await call.told.event(KeyPressed)).key == "6"
    new.close()


async def test_play_before_connect_waits(plane):
    call = Call(plane, connect=False)
    call.session.play([numbered(3)], 1)
    await asyncio.sleep(0.1)  # nothing may happen meanwhile
    assert call.told.items == []
    call.connect(Agreed(101))
    await call.told.event(PlayEnded)
    assert [packet.payload[0] for packet in call.peer.packets] == [0, 1, 2]
    call.peer.close()


async def test_on_hold_nothing_is_sent_and_the_program_goes_on(call):
    call.session.hold(True)
    call.session.play([numbered(5)], 1)
    assert await call.told.event(PlayEnded) == PlayEnded(1, interrupted=False)
    call.session.connect("0.0.0.0", call.peer.port, Agreed(101))
    call.session.hold(False)
    call.session.play([numbered(5)], 2)
    assert await call.told.event(PlayEnded, 2) == PlayEnded(2, interrupted=False)
    assert call.peer.packets == []
    call.connect(Agreed(101))
    call.session.play([numbered(5)], 3)
    await call.told.event(PlayEnded, 3)
    assert [packet.payload[0] for packet in call.peer.packets] == [0, 1, 2, 3, 4]


async def test_a_name_is_no_media_address(call):
    for host in ("media.example.com", "::1", "", "127.1"):
        with pytest.raises(PeerError):
            call.session.connect(host, 4000, Agreed(101))


async def test_speech_is_told_from_its_start_to_its_silence(call):
    call.session.listen(0.2)
    for number in range(40):
        loud = 10 <= number < 30
        call.peer.send(call.session, (b"\x20" if loud else b"\xff") * 160)
        await asyncio.sleep(0.02)  # the pace of speech
    await call.told.event(SpeechEnded)
    assert [type(e) for e in call.told.items if isinstance(e, SpeechStarted | SpeechEnded)] == [
        SpeechStarted,
        SpeechEnded,
    ]


async def test_speech_that_breaks_off_without_a_packet(call):
    call.session.listen(0.2)
    for _ in range(15):
        call.peer.send(call.session, b"\x20" * 160)
        await asyncio.sleep(0.02)
    await call.told.event(SpeechStarted)
    await call.told.event(SpeechEnded, timeout_s=1)


async def test_an_unreachable_far_end_does_not_end_reception(call):
    """ICMP port unreachable, for every packet of ours (the trap of connected sockets and uvloop)."""
    call.peer.press(call.session, 1)
    await call.told.event(KeyPressed)
    port = call.peer.port
    call.peer.close()
    call.session.play([numbered(5)], 1)
    await call.told.event(PlayEnded)
    call.peer = Peer()
    call.connect(Agreed(101))
    call.peer.press(call.session, 2)
    await call.told.event(KeyPressed, 2)
    call.session.play([numbered(5)], 2)
    await call.peer.got(5)
    assert port != call.peer.port


async def test_a_send_that_the_system_refuses_is_counted(plane):
    call = Call(plane, connect=False)
    call.session.connect("255.255.255.255", 4000, Agreed(101))  # a broadcast, which needs a permission
    call.session.play([numbered(3)], 1)
    await call.told.event(PlayEnded)
    call.session.close()
    stats = (await call.told.event(Closed)).stats
    assert (stats.packets_sent, stats.send_errors) == (0, 3)
    call.peer.close()


async def test_noise_of_every_kind_is_survived(call):
    to = (HOST, call.session.port)
    for data in (
        b"",
        b"\x80",
        b"\x80\x00",
        bytes(172),
        b"\xff" * 172,
        b"\x9f" + b"\xff" * 171,
        b"\x80\xc8" + bytes(26),
    ):
        call.peer.sock.sendto(data, to)
    call.peer.sock.sendto(b"\x80" + bytes(8000), to)
    call.peer.sock.sendto(struct.pack("!BBHII", 0x80, 101, 1, 1, 1), to)
    call.peer.press(call.session, 9)
    assert (await call.told.event(KeyPressed)).key == "9"


async def test_close_is_told_once_and_ends_everything(plane):
    call = Call(plane)
    call.session.play([numbered(100)], 1)
    await call.peer.got(2)
    call.session.close()
    call.session.close()
    call.session.play([numbered(100)], 2)
    call.session.send_keys("1")
    call.session.start_recording("/nonexistent/never.wav")
    closed = await call.told.event(Closed)
    other = Call(plane)
    other.session.close()
    await other.told.event(Closed)
    assert call.told.items == [PlayEnded(1, interrupted=True), closed]
    assert closed.stats.packets_sent == len(call.peer.packets)
    call.peer.close()
    other.peer.close()


async def test_events_come_in_the_loops_thread(call):
    threads = []
    inbox = Inbox()
    session = call.session._plane.open(lambda event: (threads.append(threading.current_thread()), inbox.add(event)))
    session.close()
    await inbox.event(Closed)
    assert threads == [threading.current_thread()]


async def test_a_listener_that_raises_keeps_nothing_from_the_others(plane):
    loop, reported = asyncio.get_running_loop(), []
    loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))
    good = Inbox()

    def bad(_event):
        raise KeyError("listener")

    for on_event in (bad, good.add, bad, good.add):
        plane.open(on_event).close()
    await good.event(Closed, 2)
    assert [type(error) for error in reported] == [KeyError, KeyError]


async def test_ports_run_out_and_come_back():
    first, last = free_ports(3)
    plane = MediaPlane(HOST, first, last, asyncio.get_running_loop())
    plane.start()
    told = Inbox()
    sessions = [plane.open(told.add) for _ in range(3)]
    assert [session.port for session in sessions] == [first, first + 2, first + 4]
    with pytest.raises(ProviderError, match="no free RTP port"):
        plane.open(told.add)
    sessions[1].close()
    await told.event(Closed)
    with pytest.raises(ProviderError):  # it rests
        plane.open(told.add)
    plane.stop()
    await told.event(Closed, 3)


@pytest.mark.parametrize("host", [HOST, "0.0.0.0"])
async def test_two_of_our_own_reach_each_other_without_the_nat_before_us(host):
    """Each is told the public address of the other; few NATs lead back to who asks."""
    public = "203.0.113.10"
    plane = MediaPlane(host, *free_ports(20), asyncio.get_running_loop(), public=public)
    plane.start()
    told = Inbox(), Inbox()
    one, other = (plane.open(inbox.add, public) for inbox in told)
    for session, far in ((one, other), (other, one)):
        session.connect(public, far.port, Agreed(101))
    one.play([PROMPT], 1)
    other.play([PROMPT], 1)
    for inbox in told:
        await inbox.event(FirstPacket)
    plane.stop()
    stats = [(await inbox.event(Closed)).stats for inbox in told]
    assert [(one.foreign, one.send_errors) for one in stats] == [(0, 0), (0, 0)]


async def test_figures_of_the_plane(plane):
    call = Call(plane)
    call.session.play([numbered(10)], 1)
    await call.told.event(PlayEnded)
    call.peer.send(call.session)
    call.peer.tap(call.session, 1)
    await call.told.event(KeyPressed)
    stats = plane.snapshot()
    assert (stats.sessions, stats.packets_sent) == (1, 10)
    call.session.close()
    await call.told.event(Closed)
    stats = plane.snapshot()
    assert (stats.sessions, stats.packets_sent, stats.packets_received) == (0, 10, 2)
    assert 0 <= stats.late_p50_ms <= stats.late_p99_ms <= stats.late_max_ms
    call.peer.close()


async def test_a_flood_from_a_stranger_does_not_delay_a_prompt(plane):
    """Of one behind NAT, whose packets are told from a stranger's by us; those of others the kernel drops."""
    call, nat = Call(plane), Peer()
    nat.press(call.session, 1)
    await call.told.event(FirstPacket)
    stop = threading.Event()

    def flood():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            data = Packet(0, False, 1, 1, 666, bytes(160)).pack()
            while not stop.is_set():
                for _ in range(50):
                    sock.sendto(data, (HOST, call.session.port))
                stop.wait(0.001)

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        call.session.play([numbered(50)], 1)
        await call.told.event(PlayEnded)
    finally:
        stop.set()
        thread.join()
    times = [at for at, _ in nat.inbox.items]
    assert len(times) == 50
    assert times[-1] - times[0] == pytest.approx(0.98, abs=0.1)
    call.session.close()
    assert (await call.told.event(Closed)).stats.foreign > 200
    call.peer.close()
    nat.close()
