"""What a codec is: payloads of RTP on one side, µ-law at 8000 Hz on the other, which is what the media plane works with."""

from abc import ABC, abstractmethod
from importlib.util import find_spec
from typing import ClassVar

CODECS: dict[str, type["Codec"]] = {}
"Every codec by its name, in the order in which they are offered; filled by importing `callwright.media.codecs`."


class Codec(ABC):
    """One stream's codec: an object keeps what its two directions remember from packet to packet."""

    name: ClassVar[str]
    "As settings have it, in lower case."

    encoding: ClassVar[str]
    "As `a=rtpmap` has it, e.g. `PCMA/8000`."

    payload_type: ClassVar[int]
    "Its static number (RFC 3551 §6), or the one of 96 to 127 under which we offer it."

    parameters: ClassVar[str] = ""
    "Of `a=fmtp`, in our offers and answers."

    clock_ratio: ClassVar[int] = 1
    "Ticks of its RTP clock for a sample at 8000 Hz."

    joins: ClassVar[bool] = True
    "Payloads that follow each other make a longer one."

    place: ClassVar[int]
    "In our offers; low ones come first."

    package: ClassVar[str] = ""
    "The Python module that does the work; empty: none is needed."

    extra: ClassVar[str] = ""
    "Of `pip install callwright[…]`, which brings it."

    def __init_subclass__(cls) -> None:
        CODECS[cls.name] = cls

    @classmethod
    def installed(cls) -> bool:
        return not cls.package or find_spec(cls.package) is not None

    @abstractmethod
    def encode(self, ulaw: bytes) -> bytes:
        """The payload of so much µ-law: any length where payloads join, else 20 ms."""

    @abstractmethod
    def decode(self, payload: bytes) -> bytes:
        """The µ-law of a payload; empty where it cannot be decoded."""
