"""The units of SMPP 3.4 (*PDUs*), pure: bytes to values and back.

Only what a client that is bound as a transceiver sends and gets (*Short Message Peer to Peer Protocol Specification v3.4*,
§4 and §5); the server of the tests reads the same from the other side. What a peer sends is read with patience: statuses, types
of number and parameters that nobody has heard of are values like any other.
"""

from dataclasses import dataclass, field
from struct import Struct
from types import MappingProxyType

from callwright.base.errors import PeerError

HEADER_BYTES = 16
PDU_BYTES_MAX = 1 << 17
"A text of 64 KiB in `message_payload`, the longest there is, with all that goes with it."

RESPONSE = 0x80000000
"Set in the command of every answer."

GENERIC_NACK = 0x80000000
SUBMIT_SM = 0x00000004
DELIVER_SM = 0x00000005
UNBIND = 0x00000006
BIND_TRANSCEIVER = 0x00000009
ENQUIRE_LINK = 0x00000015

ROK = 0x00
RINVCMDID = 0x03
RSYSERR = 0x08
RBINDFAIL = 0x0D
RMSGQFUL = 0x14
RTHROTTLED = 0x58
RX_T_APPN = 0x64
RX_P_APPN = 0x65

STATUSES = MappingProxyType(
    {
        0x00: "ESME_ROK", 0x01: "ESME_RINVMSGLEN", 0x02: "ESME_RINVCMDLEN", 0x03: "ESME_RINVCMDID",
        0x04: "ESME_RINVBNDSTS", 0x05: "ESME_RALYBND", 0x06: "ESME_RINVPRTFLG", 0x07: "ESME_RINVREGDLVFLG",
        0x08: "ESME_RSYSERR", 0x0A: "ESME_RINVSRCADR", 0x0B: "ESME_RINVDSTADR", 0x0C: "ESME_RINVMSGID",
        0x0D: "ESME_RBINDFAIL", 0x0E: "ESME_RINVPASWD", 0x0F: "ESME_RINVSYSID", 0x14: "ESME_RMSGQFUL",
        0x15: "ESME_RINVSERTYP", 0x43: "ESME_RINVESMCLASS", 0x45: "ESME_RSUBMITFAIL", 0x48: "ESME_RINVSRCTON",
        0x49: "ESME_RINVSRCNPI", 0x50: "ESME_RINVDSTTON", 0x51: "ESME_RINVDSTNPI", 0x53: "ESME_RINVSYSTYP",
        0x58: "ESME_RTHROTTLED", 0x61: "ESME_RINVSCHED", 0x62: "ESME_RINVEXPIRY", 0x64: "ESME_RX_T_APPN",
        0x65: "ESME_RX_P_APPN", 0x66: "ESME_RX_R_APPN", 0xC0: "ESME_RINVOPTPARSTREAM", 0xC1: "ESME_ROPTPARNOTALLWD",
        0xC2: "ESME_RINVPARLEN", 0xC3: "ESME_RMISSINGOPTPARAM", 0xC4: "ESME_RINVOPTPARAMVAL",
        0xFE: "ESME_RDELIVERYFAILURE", 0xFF: "ESME_RUNKNOWNERR",
    }
)  # fmt: skip
"The names of §5.1.3 that a client without lists and queries meets; 0x400 to 0x4FF are each vendor's own."

TAG_RECEIPTED_MESSAGE_ID = 0x001E
TAG_SAR_REFERENCE = 0x020C
TAG_SAR_PARTS = 0x020E
TAG_SAR_PART = 0x020F
TAG_MESSAGE_PAYLOAD = 0x0424
TAG_MESSAGE_STATE = 0x0427

UDH_INDICATOR = 0x40
"In `esm_class`: the text begins with a header."

_HEADER = Struct("!4I")
_TAG = Struct("!2H")


@dataclass(frozen=True, slots=True)
class Pdu:
    """A unit: its header, and its body as bytes."""

    command: int
    status: int
    sequence: int
    "1 to 0x7FFFFFFF; an answer has that of what it answers."

    body: bytes = b""

    def encode(self) -> bytes:
        return _HEADER.pack(HEADER_BYTES + len(self.body), self.command, self.status, self.sequence) + self.body

    def answered(self, status: int, body: bytes = b"") -> "Pdu":
        """The answer to it."""
        return Pdu(self.command | RESPONSE, status, self.sequence, body)


def header(first: bytes) -> tuple[int, Pdu]:
    """(bytes of the body that follows, the unit without it), of the first `HEADER_BYTES`. Raises `PeerError`: all that follows is
    lost."""
    length, command, status, sequence = _HEADER.unpack(first)
    if not HEADER_BYTES <= length <= PDU_BYTES_MAX:
        raise PeerError(f"a unit says that it has {length} bytes")
    return length - HEADER_BYTES, Pdu(command, status, sequence)


def said(status: int) -> str:
    """A status for people: `0x00000058 ESME_RTHROTTLED`."""
    name = STATUSES.get(status)
    return f"0x{status:08X} {name}" if name else f"0x{status:08X}"


@dataclass(frozen=True, slots=True)
class Address:
    """Who a text is from or for."""

    number: str
    ton: int = 1
    "Type of number (§5.2.5): 1 is international."

    npi: int = 1
    "Numbering plan (§5.2.6): 1 is that of telephones."


@dataclass(frozen=True, slots=True)
class ShortMessage:
    """The body of `submit_sm` and `deliver_sm` (§4.4.1, §4.6.1), which are the same."""

    source: Address
    destination: Address
    text: bytes
    "As it goes over the air: header, if any, and characters. From `message_payload` where it stands there."

    esm_class: int = 0
    registered_delivery: int = 0
    "1: a receipt is asked for, whether it is delivered or not."

    data_coding: int = 0
    service_type: str = ""
    tlvs: dict[int, bytes] = field(default_factory=dict)
    "Optional parameters by their tag, but for `message_payload`."

    def encode(self) -> bytes:
        inline = len(self.text) <= 254
        tlvs = self.tlvs if inline else {**self.tlvs, TAG_MESSAGE_PAYLOAD: self.text}
        text = self.text if inline else b""
        return b"".join(
            (
                c_string(self.service_type),
                _address(self.source),
                _address(self.destination),
                # protocol_id, priority, and no times: what the SMSC does by default.
                bytes((self.esm_class, 0, 0, 0, 0, self.registered_delivery, 0, self.data_coding, 0, len(text))),
                text,
                *(_TAG.pack(tag, len(value)) + value for tag, value in tlvs.items()),
            )
        )

    @classmethod
    def decode(cls, body: bytes) -> "ShortMessage":
        """Raises `PeerError`."""
        read = _Reader(body)
        service_type = read.c_string(6)
        source, destination = read.address(), read.address()
        esm_class, _, _ = read.take(3)
        read.c_string(17)
        read.c_string(17)
        registered_delivery, _, data_coding, _, length = read.take(5)
        text = read.take(length)
        tlvs = read.tlvs()
        payload = tlvs.pop(TAG_MESSAGE_PAYLOAD, b"")
        return cls(
            source, destination, text or payload, esm_class, registered_delivery, data_coding, service_type, tlvs
        )


@dataclass(frozen=True, slots=True)
class Bind:
    """The body of `bind_transceiver` (§4.1.5)."""

    system_id: str
    password: str
    system_type: str = ""
    address: Address = Address("", 0, 0)
    "`address_range`: whose texts it gets; empty: those that the SMSC thinks right."

    def encode(self) -> bytes:
        return (
            c_string(self.system_id)
            + c_string(self.password)
            + c_string(self.system_type)
            + bytes((0x34,))
            + _address(self.address)
        )

    @classmethod
    def decode(cls, body: bytes) -> "Bind":
        """Raises `PeerError`."""
        read = _Reader(body)
        system_id, password, system_type = read.c_string(16), read.c_string(65), read.c_string(13)
        read.take(1)
        return cls(system_id, password, system_type, read.address())


def c_string(text: str) -> bytes:
    """With the zero byte at its end; the settings see to it that it is ASCII."""
    return text.encode("ascii") + b"\0"


def message_id(body: bytes) -> str:
    """Of an answer to `submit_sm` (§4.4.2): its body is nothing else. Empty where there is none. Raises `PeerError`."""
    return _Reader(body).c_string(65) if body else ""


def _address(address: Address) -> bytes:
    return bytes((address.ton, address.npi)) + c_string(address.number)


class _Reader:
    """Reads a body from its beginning."""

    def __init__(self, body: bytes) -> None:
        self._body, self._at = body, 0

    def take(self, count: int) -> bytes:
        found = self._body[self._at : self._at + count]
        if len(found) < count:
            raise PeerError("a unit ends before its fields do")
        self._at += count
        return found

    def c_string(self, size_max: int) -> str:
        """`size_max` counts the zero byte (§3.1)."""
        end = self._body.find(b"\0", self._at, self._at + size_max)
        if end < 0:
            raise PeerError(f"a unit has a text without an end within {size_max} bytes")
        found = self._body[self._at : end]
        self._at = end + 1
        return found.decode("latin-1")

    def address(self) -> Address:
        ton, npi = self.take(2)
        # 21 by the book; the address_range of a bind has 41.
        return Address(self.c_string(41), ton, npi)

    def tlvs(self) -> dict[int, bytes]:
        """What stands twice counts as the last of it. A rest that is no parameter is left alone: some pad with zeros."""
        found: dict[int, bytes] = {}
        while len(self._body) - self._at >= _TAG.size:
            tag, length = _TAG.unpack(self.take(_TAG.size))
            found[tag] = self.take(length)
        return found
