"""A small SMSC: takes texts over SMPP, tells receipts and texts of handsets, throttles, falls silent, and drops links.

It reads and writes with our own code (`sms/smpp.py`), so it proves the platform's behaviour; that the code speaks SMPP is proved
by peers of other people (tests of the interop floor).
"""

import asyncio
import contextlib
import itertools
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import TracebackType

from callwright.base.errors import PeerError
from callwright.sms import smpp
from callwright.sms.smpp import Address, Bind, Pdu, ShortMessage

ANSWER_S = 10.0
"For a client's answer to what it is told."

KEPT_MAX = 200_000
"Texts that it keeps; it refuses more."


@dataclass(frozen=True, slots=True)
class Reply:
    """What the SMSC does with a text."""

    status: int = smpp.ROK
    receipt: str = "DELIVRD"
    "State of the receipt that follows; empty: none does."

    silent: bool = False
    "It takes the text and never answers."

    drops: bool = False
    "It takes the text, and drops the link in place of an answer."

    held: list[Callable[[], None]] | None = None
    "It answers when this, which is added to the list, is called."


@dataclass(eq=False)
class _Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    bound: bool = False
    waiting: dict[int, asyncio.Future[int]] = field(default_factory=dict)
    sequence: int = 0
    answering: bool = True

    def write(self, pdu: Pdu) -> None:
        self.writer.write(pdu.encode())


class Smsc:
    """`async with Smsc() as smsc`: listens on a free port of 127.0.0.1, or on `port`. `reply` decides what each text gets."""

    def __init__(
        self,
        reply: Callable[[ShortMessage], Reply] = lambda _: Reply(),
        *,
        system_id: str = "callwright",
        password: str = "secret",
        tls: ssl.SSLContext | None = None,
        port: int = 0,
    ) -> None:
        self.reply, self.port = reply, port
        self.submitted: list[ShortMessage] = []
        "Every text that it was asked to carry, whatever it said."

        self.refused: list[int] = []
        "The statuses with which clients answered what it told them, where they were no `ESME_ROK`."

        self.binds = 0
        self.nacks = 0
        self._system_id, self._password, self._tls = system_id, password, tls
        self._ids = itertools.count(1)
        self._clients: list[_Client] = []
        self._changed = asyncio.Condition()
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Smsc":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        # Not cancelled: to the server of Python 3.11 that is an error.
        while self._serving:
            self.drop()
            await asyncio.wait(self._serving, timeout=0.1)

    def settings(self, **more: object) -> dict[str, object]:
        """Of an account with it."""
        return {
            "host": "127.0.0.1", "port": self.port, "system_id": self._system_id, "password": self._password, **more
        }  # fmt: skip

    async def until(self, done: Callable[[], bool], timeout_s: float = 10.0) -> None:
        """Wait until `done` holds: it is looked at after each thing that happens here. Raises `TimeoutError`."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(done)

    async def deliver(self, message: ShortMessage) -> int:
        """Tell a client something; the status of its answer. Raises `ConnectionError` where none is bound, or its link is lost."""
        client = next((one for one in self._clients if one.bound), None)
        if client is None:
            raise ConnectionError("nobody is bound")
        client.sequence += 1
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        client.waiting[client.sequence] = answer
        client.write(Pdu(smpp.DELIVER_SM, 0, client.sequence, message.encode()))
        async with asyncio.timeout(ANSWER_S):
            return await answer

    async def text(self, sender: str, to: str, body: bytes, **more: object) -> int:
        """A text of a handset (`deliver`)."""
        return await self.deliver(replace(ShortMessage(Address(sender), Address(to), body), **more))  # type: ignore[arg-type]

    async def receipt(self, message_id: str, state: str, **more: object) -> int:
        """A receipt, as the custom has it (`deliver`)."""
        said = (
            f"id:{message_id} sub:001 dlvrd:001 submit date:2611251200 done date:2611251201 stat:{state} err:000 text:x"
        )
        return await self.text("12125550101", "12435678910", said.encode(), esm_class=0x04, **more)

    @property
    def clients(self) -> int:
        """Open connections."""
        return len(self._clients)

    async def unknown(self) -> None:
        """Ask a client for what no client does; return when it has said so."""
        before = self.nacks
        for client in self._clients:
            client.sequence += 1
            client.write(Pdu(0x0BAD, 0, client.sequence))
        await self.until(lambda: self.nacks > before)

    def write(self, noise: bytes) -> None:
        """To every client."""
        for client in self._clients:
            client.writer.write(noise)

    def drop(self) -> None:
        """Cut every link."""
        for client in self._clients:
            client.writer.transport.abort()

    async def unbind(self) -> None:
        """Ask every client to leave."""
        for client in self._clients:
            client.sequence += 1
            client.write(Pdu(smpp.UNBIND, 0, client.sequence))

    def mute(self) -> None:
        """Keep the links, and answer nothing more on them."""
        for client in self._clients:
            client.answering = False

    # -- one client ----------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        client = _Client(reader, writer)
        self._clients.append(client)
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    size, head = smpp.header(await reader.readexactly(smpp.HEADER_BYTES))
                    await self._take(client, replace(head, body=await reader.readexactly(size)), group)
                    await self._notify()
        except* (OSError, EOFError, PeerError):
            pass
        finally:
            self._serving.discard(task)
            self._clients.remove(client)
            writer.transport.abort()
            for waiting in client.waiting.values():
                if not waiting.done():
                    waiting.set_exception(ConnectionResetError("the link was lost before an answer"))
            with contextlib.suppress(asyncio.CancelledError):
                await self._notify()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _take(self, client: _Client, pdu: Pdu, group: asyncio.TaskGroup) -> None:
        if pdu.command & smpp.RESPONSE:
            self.nacks += pdu.command == smpp.GENERIC_NACK
            waiting = client.waiting.pop(pdu.sequence, None)
            if pdu.status != smpp.ROK:
                self.refused.append(pdu.status)
            if waiting is not None and not waiting.done():
                waiting.set_result(pdu.status)
        elif pdu.command == smpp.BIND_TRANSCEIVER:
            bind = Bind.decode(pdu.body)
            client.bound = (bind.system_id, bind.password) == (self._system_id, self._password)
            self.binds += client.bound
            client.write(pdu.answered(smpp.ROK if client.bound else smpp.RBINDFAIL, smpp.c_string("smsc")))
        elif not client.answering and pdu.command != smpp.SUBMIT_SM:
            pass
        elif pdu.command == smpp.SUBMIT_SM and client.bound:
            self._submit(client, pdu, group)
        elif pdu.command == smpp.UNBIND:
            client.write(pdu.answered(smpp.ROK))
            raise EOFError
        elif pdu.command == smpp.ENQUIRE_LINK:
            client.write(pdu.answered(smpp.ROK))
        else:
            client.write(Pdu(smpp.GENERIC_NACK, smpp.RINVCMDID, pdu.sequence))

    def _submit(self, client: _Client, pdu: Pdu, group: asyncio.TaskGroup) -> None:
        message = ShortMessage.decode(pdu.body)
        reply = self.reply(message)
        if len(self.submitted) >= KEPT_MAX:
            reply = Reply(smpp.RMSGQFUL)
        else:
            self.submitted.append(message)
        if reply.drops:
            client.writer.transport.abort()
        elif not reply.silent and client.answering:
            message_id = f"{next(self._ids)}" if reply.status == smpp.ROK else ""

            def answer() -> None:
                client.write(pdu.answered(reply.status, smpp.c_string(message_id)))
                if message_id and reply.receipt:
                    group.create_task(self._tell(message_id, reply.receipt))

            if reply.held is None:
                answer()
            else:
                reply.held.append(answer)

    async def _tell(self, message_id: str, state: str) -> None:
        # A receipt that finds no client is lost here; a real SMSC keeps it.
        with contextlib.suppress(ConnectionError, TimeoutError):
            await self.receipt(message_id, state)
