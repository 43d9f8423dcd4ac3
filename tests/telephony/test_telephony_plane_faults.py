"""What breaks, and how far it goes: one call, the plane, the ports."""

import asyncio
import logging
import socket

import pytest
from rtp_peer import HOST, Call, Inbox, free_ports

from callwright.base.errors import ProviderError
from callwright.ports.leg import KeyPressed, PlayEnded
from callwright.telephony.media_ports import REST_S, PortPool
from callwright.telephony.plane import Closed, MediaPlane, RecordingEnded

pytestmark = pytest.mark.wire


async def test_an_error_in_one_call_ends_that_call_only(caplog, tmp_path):
    plane = MediaPlane(HOST, *free_ports(4), asyncio.get_running_loop())
    plane.start()
    good, bad = Call(plane), Call(plane)
    path = tmp_path / "bad.wav"
    good.session.play([(bytes(160),) * 100], 1)
    bad.session.start_recording(str(path))
    bad.session.play([(b"\x01" * 160,) * 5, ("text is no audio",)], 2)  # type: ignore[list-item]
    await bad.told.event(Closed)
    assert bad.told.items[:2] == [PlayEnded(2, interrupted=True), RecordingEnded(str(path), "")]
    assert len(bad.told.items) == 3
    assert path.exists()
    assert await good.told.event(PlayEnded) == PlayEnded(1, interrupted=False)
    assert len(good.peer.packets) == 100
    assert plane.alive
    assert "a call's media failed" in caplog.text
    another = Call(plane)
    another.peer.press(another.session, 3)
    await another.told.event(KeyPressed)
    plane.stop()
    for call in (good, bad, another):
        call.peer.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_an_error_in_the_plane_ends_all_sessions_and_is_told(caplog):
    failed = asyncio.Event()
    plane = MediaPlane(HOST, *free_ports(4), asyncio.get_running_loop(), on_failure=failed.set)
    plane.start()
    calls = [Call(plane) for _ in range(3)]
    for call in calls:
        call.session.play([(bytes(160),) * 1000], 1)
        await call.peer.got(2)
    plane._epoll.close()  # what the plane cannot live without
    async with asyncio.timeout(5):
        await failed.wait()
    for call in calls:
        await call.told.event(Closed)
        call.session.close()
        call.session.play([(bytes(160),)], 2)
        assert call.told.items[0] == PlayEnded(1, interrupted=True)
        assert len(call.told.items) == 2
        call.peer.close()
    assert not plane.alive
    assert [record.levelno for record in caplog.records if "media plane failed" in record.message] == [logging.CRITICAL]
    with pytest.raises(ProviderError, match="not running"):
        plane.open(print)
    plane.stop()


async def test_stop_closes_what_is_open():
    plane = MediaPlane(HOST, *free_ports(4), asyncio.get_running_loop())
    with pytest.raises(ProviderError):
        plane.open(print)
    plane.start()
    call = Call(plane)
    plane.stop()
    plane.stop()
    await call.told.event(Closed)
    assert not plane.alive
    with pytest.raises(ProviderError):
        plane.open(print)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, call.session.port))
    call.peer.close()


async def test_an_idle_plane_wakes_for_a_call():
    plane = MediaPlane(HOST, *free_ports(20), asyncio.get_running_loop())
    plane.start()
    for _ in range(20):
        told = Inbox()
        plane.open(told.add).close()
        await told.event(Closed, timeout_s=1)
    plane.stop()


def test_ports_are_even_and_go_round():
    first, last = free_ports(3)
    now = 0.0
    pool = PortPool(HOST, first - 1, last + 1, lambda: now)
    socks = [pool.open() for _ in range(3)]
    ports = [sock.getsockname()[1] for sock in socks]
    assert ports == [first, first + 2, first + 4]
    for sock in socks:
        sock.close()
    for port in (ports[1], ports[0], ports[2]):
        pool.release(port)
    with pytest.raises(ProviderError):
        pool.open()
    now = REST_S
    again = [pool.open() for _ in range(3)]
    assert [sock.getsockname()[1] for sock in again] == [ports[1], ports[0], ports[2]]
    for sock in again:
        sock.close()


def test_a_port_that_another_program_has_is_passed_over():
    first, last = free_ports(2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HOST, first))
        pool = PortPool(HOST, first, last)
        with pool.open() as mine:
            assert mine.getsockname()[1] == last
            with pytest.raises(ProviderError, match="no free RTP port"):
                pool.open()
    with pool.open() as freed:
        assert freed.getsockname()[1] == first


def test_an_address_that_is_not_ours():
    with pytest.raises(ProviderError, match=r"192\.0\.2\.1"):
        PortPool("192.0.2.1", 40000, 40010).open()


def test_sockets_do_not_wait_and_are_not_connected():
    pool = PortPool(HOST, *free_ports(1))
    with pool.open() as sock:
        assert sock.getblocking() is False
        with pytest.raises(OSError):
            sock.getpeername()
