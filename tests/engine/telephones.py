"""Telephones in the test's hands: they call and are called over SIP, say tones, press keys, and keep what they hear."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from callwright.media import g711, wav
from callwright.media.codecs import named
from callwright.media.frames import RATE_HZ, frames
from callwright.ports.leg import LegEnded, LegEvent, PlayEnded
from callwright.sip.address import Transport, host_port, written
from callwright.sip.events import Referred
from callwright.telephony.joint import leave
from callwright.telephony.leg import SipLeg
from callwright.telephony.plane import MediaPlane
from callwright.telephony.sip_endpoint import Ended, SipCall, SipEndpoint, SipEvent

HOST = "127.0.0.1"
WAIT_S = 30.0
"For anything that a telephone waits for: far longer than it takes, even on a busy machine."

BLOCK = RATE_HZ // 20
"50 ms, in which a tone is told from others 40 Hz away."


class Line:
    """One call of a telephone. It keeps what it hears from the start."""

    def __init__(self, leg: SipLeg, path: Path) -> None:
        self.leg = leg
        self._path = path
        self._mark = 0
        leg.start_recording(str(path))
        leg.listen(0.4)

    def says(self, hz: float, seconds: float = 0) -> None:
        """A tone of so many seconds; without them until it is told otherwise."""
        at = np.arange(int((seconds or 1) * RATE_HZ)) / RATE_HZ
        tone = g711.encode((6000 * np.sin(2 * np.pi * hz * at)).astype(np.int16))
        self._mark += 1
        self.leg.play([frames(tone)], self._mark, again=not seconds)

    async def said(self) -> None:
        """Until the tone has been said to its end."""
        while await self.until(PlayEnded) != PlayEnded(self._mark, interrupted=False):
            pass

    def holds(self, direction: str = "sendonly") -> None:
        """Put the other side on hold; `sendrecv` ends it."""
        leave(self.leg, direction)

    async def is_told(self, direction: str) -> None:
        """Until the other side has described itself so."""
        async with asyncio.timeout(WAIT_S):
            while self.leg.described.held != direction:  # noqa: ASYNC110 - nothing else tells of it
                await asyncio.sleep(0.02)

    def presses(self, keys: str) -> None:
        self.leg.send_keys(keys)

    async def until(self, *kinds: type[LegEvent]) -> LegEvent:
        """The next event of these kinds; others before it are dropped."""
        async with asyncio.timeout(WAIT_S):
            while not isinstance(event := await self.leg.event(), kinds):
                pass
            return event

    async def heard(self) -> NDArray[np.int16]:
        """All that was heard, once the call is over."""
        return g711.decode(await self.heard_bytes())

    async def heard_bytes(self) -> bytes:
        """The same, as it came: µ-law."""
        assert self.leg.ended
        assert await self.leg.closed(WAIT_S) is not None
        return wav.parse(self._path.read_bytes()).data[0::2]


class Telephone:
    """A user agent on a port of its own. Made by `telephone`."""

    def __init__(
        self, host: str, endpoint: SipEndpoint, plane: MediaPlane, folder: Path, calls: "asyncio.Queue[SipCall]"
    ) -> None:
        self._host = host
        self._endpoint, self._plane, self._folder, self._calls = endpoint, plane, folder, calls
        self._lines = 0

    @property
    def address(self) -> str:
        return written(self._endpoint.address)

    @property
    def tcp_port(self) -> int:
        return self._endpoint.addresses["tcp"][1]

    async def calls(
        self,
        address: str,
        user: str,
        headers: Sequence[tuple[str, str]] = (),
        *,
        transport: Transport = "udp",
        follows: bool = False,
    ) -> Line:
        """Call a user at `host:port`; returns when it was answered. `follows`: it takes transfers."""
        target, to = f"sip:{user}@{address}", host_port(address)
        self._lines += 1
        leg = SipLeg.outgoing(
            self._endpoint, self._plane, self._host, target=target, call_id=f"{id(self)}-{self._lines}", caller="6175550100",
            to=to, extra=headers, transport=transport,
        )  # fmt: skip
        if follows:
            # Before it is answered: it may be asked at once.
            leg.follow(self._endpoint, lambda _: True)
        assert await leg.answered(WAIT_S) is None
        return self._line(leg)

    async def rings(self) -> SipCall:
        """The next call that comes, not answered."""
        async with asyncio.timeout(WAIT_S):
            call = await self._calls.get()
        call.ring()
        return call

    def answer(self, call: SipCall, *, follows: bool = False) -> Line:
        leg = SipLeg.incoming(call, self._plane, self._host)
        if follows:
            leg.follow(self._endpoint, lambda _: True)
        return self._line(leg)

    @staticmethod
    def hands_over(line: Line, target: str) -> "asyncio.Task[Referred]":
        """Ask the other side to call somebody in our place; then hang up, as telephones do."""

        async def asking() -> Referred:
            referred = await line.leg.hand_over(target, WAIT_S)
            if referred.status < 300:
                line.leg.hang_up()
            return referred

        return asyncio.ensure_future(asking())

    async def given_up(self, call: SipCall) -> str:
        """Why a call that rings has ended."""
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def told(event: SipEvent) -> None:
            if isinstance(event, Ended) and not ended.done():
                ended.set_result(event.reason)

        call.on_event = told
        async with asyncio.timeout(WAIT_S):
            return await ended

    def _line(self, leg: SipLeg) -> Line:
        return Line(leg, self._folder / f"{id(leg)}.wav")


@asynccontextmanager
async def telephone(folder: Path, *, codec: str = "", host: str = HOST) -> AsyncIterator[Telephone]:
    """A telephone that keeps what it hears in this folder. `codec`: the only one that it speaks."""
    codecs = named(codec) if codec else ()
    plane = MediaPlane(host, 41000, 41999, asyncio.get_running_loop(), codecs=codecs)
    plane.start()
    calls: asyncio.Queue[SipCall] = asyncio.Queue()
    endpoint = await SipEndpoint.open(host, 0, on_invite=calls.put_nowait, tcp=(host, 0))
    try:
        yield Telephone(host, endpoint, plane, folder, calls)
    finally:
        await endpoint.close()
        plane.stop()


def sides(path: Path) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Both channels of a recording."""
    wave = wav.parse(path.read_bytes())
    assert (wave.format, wave.channels) == (wav.ULAW, 2)
    both = g711.decode(wave.data).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def blocks_of(samples: NDArray[np.int16], *frequencies_hz: float) -> NDArray[np.bool_]:
    """Of each 50 ms, whether one of these tones is most of what is heard."""
    blocks = samples[: len(samples) // BLOCK * BLOCK].reshape(-1, BLOCK).astype(np.float64)
    spectrum = np.abs(np.fft.rfft(blocks * np.hanning(BLOCK), axis=1)) ** 2
    bins = {round(hz * BLOCK / RATE_HZ) + offset for hz in frequencies_hz for offset in (-2, -1, 0, 1, 2)}
    wanted = spectrum[:, sorted(at for at in bins if 0 <= at < spectrum.shape[1])].sum(axis=1)
    return (wanted > 0.6 * spectrum.sum(axis=1)) & (np.abs(blocks).max(axis=1) > 200)


def seconds_of(samples: NDArray[np.int16], *frequencies_hz: float) -> float:
    """How long one of these tones is most of what is heard."""
    return float(blocks_of(samples, *frequencies_hz).sum()) * BLOCK / RATE_HZ


def silent(samples: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Of each 50 ms, whether it is silence to the bit."""
    blocks = samples[: len(samples) // BLOCK * BLOCK].reshape(-1, BLOCK)
    quiet: NDArray[np.bool_] = np.abs(blocks).max(axis=1) <= 8
    return quiet


def longest(true: NDArray[np.bool_]) -> tuple[int, int]:
    """The longest run: from, to (in blocks)."""
    best, begun = (0, 0), None
    for at, one in enumerate([*true.tolist(), False]):
        if one and begun is None:
            begun = at
        elif not one and begun is not None:
            best, begun = max(best, (begun, at), key=lambda run: run[1] - run[0]), None
    return best


async def talk(one: Line, other: Line) -> None:
    """Each says a tone that the other hears; then they have hung up."""
    one.says(700, 3)
    other.says(1100, 3)
    await one.said()
    await other.said()
    one.leg.hang_up()
    await other.until(LegEnded)
    assert seconds_of(await other.heard(), 700) > 1 and seconds_of(await one.heard(), 1100) > 1
