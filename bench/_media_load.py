"""The far ends of `bench media`, in a process of their own: sends and receives the RTP of N calls, times what it gets.

Reads one line of JSON from stdin (host and the plane's ports), writes one line with its own ports, and when the time is
over one line with what it found.
"""

import json
import select
import socket
import struct
import sys
import time
from dataclasses import asdict, dataclass, field

SO_TIMESTAMPNS = 35
"Linux: when the kernel received the datagram."

SAMPLED = 8
"Every so-manieth call is timed; the others' packets are only read."

_HEADER = struct.Struct("!BBHII")
_TIMESPEC = struct.Struct("@qq")
_AUDIO = bytes(range(64, 144)) * 2
_KEY_EVERY = 50
_KEY_FRAMES = 8


@dataclass(slots=True)
class Found:
    """What the load side saw."""

    sent: int = 0
    received: int = 0
    keys: int = 0
    gaps_ms: list[float] = field(default_factory=list)
    "Between packets of one talkspurt, on every `SAMPLED`th call."

    lost: int = 0
    "Sequence numbers that never came, on the same calls."


class Far:
    """One call's far end."""

    __slots__ = ("arrived", "number", "sequence", "sock", "stamp", "to", "tone")

    def __init__(self, number: int, host: str, port: int, *, sampled: bool) -> None:
        self.number, self.to = number, (host, port)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.bind((host, 0))
        if sampled:
            self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.sequence = -1
        self.stamp = 0
        self.arrived = 0.0
        self.tone = -1
        "Frames of the key being sent; -1 for none."

    def send(self, tick: int, keys: bool) -> bool:
        """One packet. True for the first of a key."""
        stamp = tick * 160 & 0xFFFFFFFF
        if keys and (tick + self.number) % _KEY_EVERY == 0:
            self.tone = 0
        if not 0 <= self.tone < _KEY_FRAMES + 2:
            self.sock.sendto(_HEADER.pack(0x80, 0, tick & 0xFFFF, stamp, self.number) + _AUDIO, self.to)
            return False
        begun = stamp - self.tone * 160
        end = 0x80 if self.tone >= _KEY_FRAMES - 1 else 0
        duration = min(self.tone + 1, _KEY_FRAMES) * 160
        event = struct.pack("!BBH", self.number % 10, 10 | end, duration)
        second = 101 | (0x80 if self.tone == 0 else 0)
        self.sock.sendto(_HEADER.pack(0x80, second, tick & 0xFFFF, begun & 0xFFFFFFFF, self.number) + event, self.to)
        self.tone += 1
        return self.tone == 1

    def time(self, found: Found) -> None:
        """Read one packet with the time of its arrival."""
        data, ancillary, _, _ = self.sock.recvmsg(2048, 64)
        seconds, nanoseconds = _TIMESPEC.unpack_from(ancillary[0][2])
        now = seconds * 1000.0 + nanoseconds / 1e6
        _, second, sequence, stamp, _ = _HEADER.unpack_from(data)
        if self.sequence >= 0:
            found.lost += (sequence - self.sequence - 1) & 0xFFFF
            if not second & 0x80 and (stamp - self.stamp) & 0xFFFFFFFF == 160:
                found.gaps_ms.append(now - self.arrived)
        self.sequence, self.stamp, self.arrived = sequence, stamp, now


def run(host: str, ports: list[int], seconds: float, *, speaks: bool, keys: bool) -> Found:
    found = Found()
    fars = [Far(number, host, port, sampled=number % SAMPLED == 0) for number, port in enumerate(ports)]
    timed = {far.sock.fileno(): far for far in fars if far.number % SAMPLED == 0}
    others = {far.sock.fileno(): far.sock for far in fars if far.number % SAMPLED}
    poll = select.epoll()
    for far in fars:
        poll.register(far.sock.fileno(), select.EPOLLIN)
    print(json.dumps([far.sock.getsockname()[1] for far in fars]), flush=True)
    due, step = time.monotonic(), 0
    end = due + seconds
    while due < end:
        time.sleep(max(0.0, due - time.monotonic()))
        if speaks:
            for far in fars[step % 4 :: 4]:
                found.keys += far.send(step // 4, keys)
                found.sent += 1
        while ready := poll.poll(0, 4096):
            for fd, _ in ready:
                if (other := others.get(fd)) is not None:
                    other.recv(2048)
                else:
                    timed[fd].time(found)
            found.received += len(ready)
        due, step = due + 0.005, step + 1
    return found


if __name__ == "__main__":
    options = json.loads(sys.stdin.readline())
    print(json.dumps(asdict(run(**options))), flush=True)
