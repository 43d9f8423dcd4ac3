"""The far end of a media session in tests: a real UDP socket, and the events that the session tells."""

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from callwright.media.rtp import Packet, parse
from callwright.telephony.media_coding import Agreed
from callwright.telephony.plane import MediaPlane, MediaSession

HOST = "127.0.0.1"


class Inbox:
    """What has arrived, and a way to wait for more."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._arrived = asyncio.Event()

    def add(self, item: Any) -> None:
        self.items.append(item)
        self._arrived.set()

    async def until(self, enough: Callable[[list[Any]], Any], timeout_s: float = 10.0) -> Any:
        """What `enough` returns, once that is true."""
        async with asyncio.timeout(timeout_s):
            while not (result := enough(self.items)):
                self._arrived.clear()
                await self._arrived.wait()
            return result

    async def event(self, kind: type, count: int = 1, timeout_s: float = 10.0) -> Any:
        """The `count`th event of that kind."""
        found = await self.until(lambda items: len(of(items, kind)) >= count and of(items, kind), timeout_s)
        return found[count - 1]

    def of(self, kind: type) -> list[Any]:
        return of(self.items, kind)


def of(items: list[Any], kind: type) -> list[Any]:
    return [item for item in items if isinstance(item, kind)]


class Peer:
    """Sends numbered packets and keeps what it gets as (time, packet)."""

    def __init__(self, host: str = HOST, ssrc: int = 77) -> None:
        self.host = host
        self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.bind((host, 0))
        self.port: int = self.sock.getsockname()[1]
        self.inbox = Inbox()
        self.ssrc = ssrc
        self.sequence = 65530
        self.timestamp = 0xFFFFF000
        asyncio.get_running_loop().add_reader(self.sock.fileno(), self._read)

    def _read(self) -> None:
        while True:
            try:
                data = self.sock.recv(4096)
            except OSError:
                return
            self.inbox.add((time.monotonic(), parse(data)))

    @property
    def packets(self) -> list[Packet]:
        return [packet for _, packet in self.inbox.items]

    @property
    def audio(self) -> list[Packet]:
        return [packet for packet in self.packets if packet.payload_type == 0]

    async def got(self, count: int, timeout_s: float = 10.0) -> list[Packet]:
        """All packets, once there are so many."""
        await self.inbox.until(lambda items: len(items) >= count, timeout_s)
        return self.packets

    def send(self, session: MediaSession, payload: bytes = b"\xff" * 160, *, skip: int = 0) -> None:
        """The stream's next audio packet; `skip` so many before it, as if lost."""
        self.sequence += 1 + skip
        self.timestamp += 160 * (1 + skip)
        self.send_as(session, 0, payload, self.timestamp, marker=False)

    def send_as(
        self, session: MediaSession, payload_type: int, payload: bytes, timestamp: int, *, marker: bool
    ) -> None:
        if isinstance(session, MediaSession):  # or a port alone, of a stream without a plane
            settle(session)
        packet = Packet(payload_type, marker, self.sequence & 0xFFFF, timestamp & 0xFFFFFFFF, self.ssrc, payload)
        self.sock.sendto(packet.pack(), (self.host, session.port))

    def press(self, session: MediaSession, event: int, *, payload_type: int = 101) -> None:
        """All packets of a key press at once."""
        self.timestamp += 3200
        for frame in range(10):
            self.sequence += 1
            end = 0x80 if frame >= 7 else 0
            payload = bytes((event, 10 | end)) + (min(frame + 1, 8) * 160).to_bytes(2, "big")
            self.send_as(session, payload_type, payload, self.timestamp, marker=frame == 0)

    def tap(self, session: MediaSession, event: int) -> None:
        """A key press of which only the last packet arrives: when it is told, all before it has been read."""
        self.timestamp += 3200
        self.sequence += 1
        self.send_as(session, 101, bytes((event, 0x8A, 5, 0)), self.timestamp, marker=False)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.sock.fileno())
        self.sock.close()


def settle(session: MediaSession) -> None:
    """Wait until the plane has taken up what sessions were told: it does that before it reads what comes after."""
    plane, until = session._plane, time.monotonic() + 10
    while plane.alive and plane._commands:
        assert time.monotonic() < until, "the media plane stands still"
        time.sleep(0.0005)


class Call:
    """A session that is connected to a peer."""

    def __init__(self, plane: MediaPlane, host: str = HOST, *, connect: bool = True) -> None:
        """`host`: where both sides are."""
        self.peer = Peer(host)
        self.told = Inbox()
        self.session = plane.open(self.told.add, host)
        if connect:
            self.connect(Agreed(101))

    def connect(self, agreed: Agreed) -> None:
        """What comes from now on is taken as agreed."""
        self.session.connect(self.peer.host, self.peer.port, agreed)
        settle(self.session)


async def refused(stranger: socket.socket, call: Call) -> None:
    """Until the kernel says that the port is not for this one."""
    stranger.connect((call.peer.host, call.session.port))
    async with asyncio.timeout(10):
        with pytest.raises(ConnectionRefusedError):
            while True:
                stranger.send(b"x" * 172)
                await asyncio.sleep(0.01)  # the pace of a sender; the refusal comes with a later packet


def free_ports(count: int) -> tuple[int, int]:
    """A range of that many even ports, all of which were free just now."""
    for first in range(34000 + time.monotonic_ns() % 5000 * 2, 60000, 2 * count):
        socks = []
        try:
            for port in range(first, first + 2 * count, 2):
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                socks.append(sock)
                sock.bind((HOST, port))
        except OSError:
            continue
        else:
            return first, first + 2 * count - 2
        finally:
            for sock in socks:
                sock.close()
    raise AssertionError("no free ports")
