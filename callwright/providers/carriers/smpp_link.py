"""A link to an SMSC: connected, bound, kept alive, and bound again when it is lost.

    down --connected, bound--> up --lost, or unbound--> down, for `BACK_OFF_S` and twice as long at each failure

While it is down nothing is claimed (`ready`). While it is up, a text that was written has one of three ends: an answer, which is
kept as the carrier's word; no answer in `ANSWER_S`; or the end of the link. After the last two it may be on its way, so it is
in doubt, and nobody sends it again. What was not written, because the link had ended a moment before, has certainly not gone.

What the SMSC tells is answered only when it is kept: with `ESME_RX_T_APPN` where it may be told again, with `ESME_RX_P_APPN` where
that would be of no use. Receipts are kept side by side; texts one after the other, as they came: a STOP and the START after it
must not change places.
"""

import asyncio
import logging
import random
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Literal

from callwright.base.errors import PeerError
from callwright.ports.carrier import (
    Answer,
    InDoubt,
    NotNow,
    NotStored,
    OutboundText,
    Receipt,
    ReceivedText,
    Refused,
    Store,
    Taken,
    Told,
)
from callwright.providers.carriers.http_carrier import digits
from callwright.providers.http import Guard, Unreachable
from callwright.sms import smpp, smpp_texts
from callwright.sms.smpp import Address, Bind, Pdu, ShortMessage
from callwright.sms.smpp_texts import DefaultAlphabet, Part

CONNECT_S = 10.0
"For the connection with its TLS; a bind has `ANSWER_S` more."

ANSWER_S = 20.0
"An SMSC has so long for an answer; less than a sender waits (`SEND_S_MAX` of jobs/sms.py)."

BACK_OFF_S, BACK_OFF_S_MAX = 1.0, 30.0
THROTTLE_S, THROTTLE_S_MAX = 1.0, 30.0
"How long nothing is sent after it said that it is too much; twice as long each time it says so at once again."

UNBIND_S = 0.5
"For the last words of a link that we end."

TOLD_AT_ONCE = 50
"Receipts and texts that are being kept; past it the SMSC waits."

LATER = frozenset({smpp.RTHROTTLED, smpp.RMSGQFUL})
FAILED = frozenset({smpp.RSYSERR, smpp.RX_T_APPN, 0x04})
"System error, a temporary one, and not bound: not taken, and no fault of the text."

log = logging.getLogger(__name__)


class _LinkLost(Exception):
    """With the reason."""


@dataclass(frozen=True, slots=True)
class Way:
    """How one SMSC has it where the books leave a choice."""

    source: Address
    "Types of our numbers; without a number."

    destination: Address
    service_type: str = ""
    alphabet: DefaultAlphabet = "gsm7"
    by_header: bool = True
    "Parts have a header in the text, else parameters."

    receipt_ids: Literal["same", "decimal", "hexadecimal"] = "same"
    not_mobile: frozenset[str] = frozenset()
    "Errors that mean a landline, in capitals."

    def submitted(self, text: OutboundText) -> ShortMessage:
        """The text as it is submitted."""
        coding, characters = smpp_texts.encoded(text.body, text.encoding, self.alphabet)
        header, parameters = b"", {}
        if text.concatenated and text.parts > 1:
            part = Part(text.reference, text.part, text.parts)
            if self.by_header:
                header = smpp_texts.header_of(part)
            else:
                parameters = smpp_texts.parameters_of(part)
        return ShortMessage(
            replace(self.source, number=text.sender),
            replace(self.destination, number=text.to),
            header + characters,
            smpp.UDH_INDICATOR if header else 0,
            1,
            coding,
            self.service_type,
            parameters,
        )

    def answered(self, pdu: Pdu) -> Answer:
        """What the SMSC's answer means; for how long `NotNow` is, the link says. Raises `PeerError`."""
        reason = smpp.said(pdu.status)
        if pdu.status == smpp.ROK and pdu.command == smpp.SUBMIT_SM | smpp.RESPONSE:
            return Taken(self._id(smpp.message_id(pdu.body)))
        if pdu.status in LATER or pdu.status in FAILED:
            return NotNow(reason, THROTTLE_S)
        return Refused(reason, f"{pdu.status:X}" in self.not_mobile)

    def told(self, message: ShortMessage) -> Told | None:
        """What a `deliver_sm` says; None: a receipt of a text that is still on its way. Raises `PeerError`."""
        if smpp_texts.is_receipt(message):
            receipt = smpp_texts.receipt(message)
            if not receipt.delivery:
                return None
            reason = "" if receipt.delivery == "delivered" else f"{receipt.state} {receipt.error}".strip()
            return Receipt(receipt.message_id, receipt.delivery, reason, receipt.error.upper() in self.not_mobile)
        part, characters = smpp_texts.parted(message)
        named = message.tlvs.get(smpp.TAG_RECEIPTED_MESSAGE_ID, b"").rstrip(b"\0").decode("latin-1")[:64]
        return ReceivedText(
            named,
            digits(message.destination.number),
            digits(message.source.number),
            smpp_texts.decoded(message.data_coding, characters, self.alphabet),
            *((part.part, part.parts, part.reference) if part else ()),
        )

    def _id(self, answered: str) -> str:
        """The id of an answer as receipts will write it."""
        try:
            if self.receipt_ids == "decimal":
                return str(int(answered, 16))
            if self.receipt_ids == "hexadecimal":
                return f"{int(answered):x}"
        except ValueError:
            pass
        return answered


class SmppLink:
    """Sends and receives over SMPP (`ports/carrier.py`, `Carrier`)."""

    def __init__(
        self,
        host: str,
        port: int,
        guard: Guard,
        bind: Bind,
        way: Way,
        *,
        window: int,
        silence_s: float,
        tls: ssl.SSLContext | None,
    ) -> None:
        self.window = window
        self._host, self._port, self._guard, self._tls = host, port, guard, tls
        self._bind, self._way, self._silence_s = bind, way, silence_s
        self._session: _Session | None = None
        self._up = asyncio.Event()
        self._hold_s, self._held_until = THROTTLE_S / 2, 0.0

    async def ready(self) -> None:
        await self._up.wait()

    async def send(self, text: OutboundText) -> Answer:
        session = self._session
        if session is None:
            return NotNow("the link to the SMSC is down")
        answer = await session.submit(text)
        now = time.monotonic()
        if isinstance(answer, NotNow):
            # All that was under way says so together: that is once.
            if now >= self._held_until:
                self._hold_s = min(self._hold_s * 2, THROTTLE_S_MAX)
                self._held_until = now + self._hold_s
            return replace(answer, wait_s=self._held_until - now)
        if now >= self._held_until:
            self._hold_s = THROTTLE_S / 2
        return answer

    async def run(self, store: Store) -> None:
        back_off_s = BACK_OFF_S
        while True:
            try:
                async with self._bound() as session:
                    back_off_s = BACK_OFF_S
                    await session.serve(store)
            except (OSError, EOFError, UnicodeError, PeerError, Unreachable, _LinkLost) as error:
                reason = str(error) or type(error).__name__
                log.warning("SMSC %s:%d: %s; again in %g s", self._host, self._port, reason, back_off_s)
            if (task := asyncio.current_task()) and task.cancelling():
                # Told to end just as the link was lost: a task group that fails forgets the one for the other.
                raise asyncio.CancelledError
            # Not all at once, where many lost the same SMSC.
            await asyncio.sleep(back_off_s * random.uniform(0.7, 1))
            back_off_s = min(back_off_s * 2, BACK_OFF_S_MAX)

    @asynccontextmanager
    async def _bound(self) -> AsyncIterator["_Session"]:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await self._connected()
        session = _Session(reader, writer, self._way, self._silence_s)
        try:
            await session.bind(self._bind)
            log.info("SMSC %s:%d: bound as %s", self._host, self._port, self._bind.system_id)
            self._session = session
            self._up.set()
            yield session
        finally:
            self._session = None
            self._up.clear()
            await session.close()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for address in await self._guard.addresses(self._host, self._port):
            try:
                return await asyncio.open_connection(
                    str(address),
                    self._port,
                    ssl=self._tls,
                    server_hostname=self._host if self._tls else None,
                    limit=smpp.PDU_BYTES_MAX,
                )
            except OSError as error:
                failed = error
        raise failed


class _Session:
    """One connection, from its bind to its end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way, silence_s: float) -> None:
        self._reader, self._writer, self._way, self._silence_s = reader, writer, way, silence_s
        self._sequence = 0
        self._waiting: dict[int, asyncio.Future[Pdu]] = {}
        self._room = asyncio.Semaphore(TOLD_AT_ONCE)
        self._one_by_one = asyncio.Lock()
        self._heard = False
        self._lost = ""
        "Why it is no more."

    async def bind(self, bind: Bind) -> None:
        """Raises `PeerError` where the SMSC wants no bind."""
        self._write(Pdu(smpp.BIND_TRANSCEIVER, 0, self._next(), bind.encode()))
        async with asyncio.timeout(ANSWER_S):
            answer = await self._read()
        if answer.command != smpp.BIND_TRANSCEIVER | smpp.RESPONSE or answer.status != smpp.ROK:
            raise PeerError(f"it refused the bind with {smpp.said(answer.status)}")

    async def serve(self, store: Store) -> None:
        """Answer the SMSC until the link is lost, and then raise `_LinkLost`."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_alive())
                await self._listen(group, store)
        except* (OSError, EOFError, PeerError, _LinkLost) as errors:
            first: BaseException = errors
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            self._lost = "it closed the link" if isinstance(first, EOFError) else str(first) or type(first).__name__
        finally:
            # Ended by ourselves: what is unanswered has no other end either.
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(_LinkLost(self._lost or "it was ended"))
        raise _LinkLost(self._lost)

    async def submit(self, text: OutboundText) -> Answer:
        if self._lost or self._writer.transport.is_closing():
            return NotNow("the link to the SMSC is down")
        try:
            answer = await self._asked(smpp.SUBMIT_SM, self._way.submitted(text).encode())
            return self._way.answered(answer)
        except TimeoutError:
            return InDoubt(f"the SMSC did not answer within {ANSWER_S:g} s")
        except (_LinkLost, OSError) as error:
            return InDoubt(f"the link to the SMSC was lost before it answered: {error}"[:300])
        except PeerError as error:
            return InDoubt(f"the SMSC's answer cannot be read: {error}")

    async def close(self) -> None:
        """Take leave, where somebody still listens, and close."""
        try:
            if not self._lost:
                async with asyncio.timeout(UNBIND_S):
                    self._write(Pdu(smpp.UNBIND, 0, self._next()))
                    while (await self._read()).command != smpp.UNBIND | smpp.RESPONSE:
                        pass
        except (OSError, EOFError, PeerError):
            pass
        finally:
            self._writer.transport.abort()

    # -- what goes out -------------------------------------------------------------------------------

    def _next(self) -> int:
        self._sequence = self._sequence % 0x7FFFFFFF + 1
        return self._sequence

    def _write(self, pdu: Pdu) -> None:
        self._writer.write(pdu.encode())

    async def _asked(self, command: int, body: bytes = b"") -> Pdu:
        """The answer. Raises `TimeoutError`, `_LinkLost`, or what the connection raises."""
        sequence = self._next()
        answer: asyncio.Future[Pdu] = asyncio.get_running_loop().create_future()
        self._waiting[sequence] = answer
        try:
            async with asyncio.timeout(ANSWER_S):
                self._write(Pdu(command, 0, sequence, body))
                await self._writer.drain()
                return await answer
        finally:
            del self._waiting[sequence]

    async def _keep_alive(self) -> None:
        while True:
            self._heard = False
            await asyncio.sleep(self._silence_s)
            if not self._heard:
                try:
                    await self._asked(smpp.ENQUIRE_LINK)
                except TimeoutError:
                    raise _LinkLost(f"no answer to enquire_link within {ANSWER_S:g} s") from None

    # -- what comes in -------------------------------------------------------------------------------

    async def _read(self) -> Pdu:
        """Raises `EOFError` at the end, and `PeerError` for what is no unit."""
        size, head = smpp.header(await self._reader.readexactly(smpp.HEADER_BYTES))
        return replace(head, body=await self._reader.readexactly(size)) if size else head

    async def _listen(self, group: asyncio.TaskGroup, store: Store) -> None:
        while True:
            pdu = await self._read()
            self._heard = True
            if pdu.command & smpp.RESPONSE:
                waiting = self._waiting.get(pdu.sequence)
                if waiting is not None and not waiting.done():
                    waiting.set_result(pdu)
            elif pdu.command == smpp.DELIVER_SM:
                await self._room.acquire()
                group.create_task(self._keep(pdu, store))
            elif pdu.command == smpp.ENQUIRE_LINK:
                self._write(pdu.answered(smpp.ROK))
            elif pdu.command == smpp.UNBIND:
                self._write(pdu.answered(smpp.ROK))
                raise _LinkLost("it ended the link by unbind")
            else:
                self._write(Pdu(smpp.GENERIC_NACK, smpp.RINVCMDID, pdu.sequence))

    async def _keep(self, pdu: Pdu, store: Store) -> None:
        """Keep what a `deliver_sm` says, and then answer it."""
        try:
            self._write(pdu.answered(await self._kept(pdu, store), b"\0"))
            await self._writer.drain()
        finally:
            self._room.release()

    async def _kept(self, pdu: Pdu, store: Store) -> int:
        """The status of the answer."""
        try:
            told = self._way.told(ShortMessage.decode(pdu.body))
            if isinstance(told, Receipt):
                await store(told)
            elif told is not None:
                async with self._one_by_one:
                    await store(told)
        except PeerError as error:
            log.warning("an SMSC told what cannot be read: %s", error)
            return smpp.RX_P_APPN
        except NotStored as error:
            log.warning("what an SMSC told was not kept: %s", error)
            return smpp.RX_T_APPN if error.again else smpp.RX_P_APPN
        return smpp.ROK
