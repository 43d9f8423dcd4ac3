"""A leg's SIP messages as a capture file, for Wireshark, tcpdump and sngrep.

Each message stands there as one UDP datagram over IP, whatever it came by: those programs show it as SIP then.
"""

import struct
from collections.abc import Iterable
from ipaddress import ip_address

from callwright.sip.address import Address
from callwright.sip.ladder import Message

MEDIA_TYPE = "application/vnd.tcpdump.pcap"
_FILE = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 101)
"Microseconds, version 2.4, UTC, link type RAW: each record begins with its IP header."

_UDP = 17
_HOPS = 64
_MAPPED = bytes(10) + b"\xff\xff"
"Before an IPv4 address where the other end has an IPv6 one (RFC 4291 §2.5.5.2)."


def capture(messages: Iterable[tuple[Message, Address]]) -> bytes:
    """The file of these messages, each with the address that was ours."""
    return _FILE + b"".join(_record(one, ours) for one, ours in messages)


def _record(message: Message, ours: Address) -> bytes:
    ends = (ours, message.peer) if message.sent else (message.peer, ours)
    packet = _packet(ends[0], ends[1], message.data)
    seconds = int(message.at)
    return struct.pack("<IIII", seconds, int((message.at - seconds) * 1e6), len(packet), len(packet)) + packet


def _packet(source: Address, target: Address, data: bytes) -> bytes:
    addresses = [ip_address(host.partition("%")[0]) for host, _ in (source, target)]
    six = any(address.version == 6 for address in addresses)
    from_to = b"".join(_MAPPED * (six and address.version == 4) + address.packed for address in addresses)
    size = 8 + len(data)
    udp = struct.pack("!HHHH", source[1], target[1], size, 0) + data
    pseudo = from_to + (struct.pack("!IHBB", size, 0, 0, _UDP) if six else struct.pack("!BBH", 0, _UDP, size))
    udp = udp[:6] + struct.pack("!H", _checksum(pseudo + udp) or 0xFFFF) + data
    if six:
        return struct.pack("!IHBB", 6 << 28, size, _UDP, _HOPS) + from_to + udp
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + size, 0, 0, _HOPS, _UDP, 0) + from_to
    return head[:10] + struct.pack("!H", _checksum(head)) + head[12:] + udp


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
