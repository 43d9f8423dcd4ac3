"""The engine process: one SIP port, one media plane, the calls on them, and the dialer."""

import asyncio
import contextlib
import gc
import logging
import resource
import shutil
import socket
import ssl
import sys
from collections.abc import Callable

from callwright.base.config import Config
from callwright.conversation.applications import Applications
from callwright.engine.calls import Calls
from callwright.engine.clock import now
from callwright.engine.dialer import Dialer
from callwright.engine.directory import Directory
from callwright.engine.door import Door
from callwright.engine.inbound import Inbound
from callwright.engine.legs import Legs
from callwright.engine.metrics import EngineCollector, Now
from callwright.engine.registrar import Registrar
from callwright.engine.session_ids import Channels
from callwright.engine.telephones import Telephones
from callwright.engine.transfers import Transfers
from callwright.engine.trunk_registrations import TrunkRegistrations
from callwright.engine.writer import Writer
from callwright.media.codecs import named
from callwright.providers.http import GuardedClient
from callwright.providers.mail.smtp import Mailer
from callwright.providers.pool_client import PoolClient
from callwright.services import engines
from callwright.store.database import FAILURES, Database
from callwright.store.engines import EngineLease
from callwright.telephony.names import Names
from callwright.telephony.plane import MediaPlane
from callwright.telephony.sip_endpoint import SipEndpoint
from callwright.telephony.sip_trace import SipTrace
from callwright.voice.prompts import PromptShelf

log = logging.getLogger(__name__)

SWITCH_S = 0.0001
"""How long a thread keeps the interpreter while the media thread waits for it: a packet every 20 ms cannot wait 5 ms, and a step
sends hundreds, each of which may have to wait."""

COLLECTED_AFTER = (20_000, 20, 20)
"""Objects of a generation until the collector walks it. What a call makes is let go of by itself, nearly all of it; with
Python's own 700 the collector walked the calls that go on again and again: up to a fifth of a call's signalling."""

RETRY_S = 0.5
"Between two tries to register."

LAST_WRITES_S_MAX = 2.0
"After a stop: how long the ends of calls may wait for a database that is away. Then their attempts stay in doubt."


class LostLease(Exception):
    """Another process gave this engine up for lost; its calls are no longer its own."""


async def run_engine(config: Config, stop: asyncio.Event, drain: asyncio.Event, ready: Callable[[], None]) -> None:
    """Serve until `stop`, or until `drain` and the last call's end. `ready` is called once everything answers."""
    sys.setswitchinterval(SWITCH_S)
    _raise_descriptors()
    loop = asyncio.get_running_loop()
    db = await Database.open(config.database_url, sealing_key=config.sealing_key, replans=True)
    lease = await _registered(db, config)
    # Messages of calls that an earlier engine did not get to end.
    for folder in (config.messages_dir, config.secure_messages_dir):
        shutil.rmtree(folder, ignore_errors=True)
    codecs = named(config.codecs) if config.codecs else ()
    plane = MediaPlane(
        config.sip_host,
        config.rtp_port_min,
        config.rtp_port_max,
        loop,
        codecs=codecs,
        no_audio_s=config.rtp_timeout_s,
        public=config.public_ip,
    )
    plane.start()
    writer = Writer(db)
    await writer.flush()
    http = GuardedClient(config.allow_urls, config.loopback_only)
    pool = PoolClient(config.pool_socket)
    shelf = PromptShelf(pool, config.audio_dir)
    applications = Applications(db)
    calls = Calls(
        config,
        engine_id=lease.id,
        channels=Channels(lease.server_ids, config.channels),
        writer=writer,
        shelf=shelf,
        http=http,
        mailer=Mailer(config.smtp_url, config.mail_from),
        evaluator=pool,
        recognizer=pool,
        applications=applications,
        db=db,
    )
    trace = SipTrace()
    telephones = Telephones(db, engine_id=lease.id, ours=lambda: endpoint.ours, guard=http.guard)
    inbound = Inbound(db, calls, applications, plane, telephones=telephones)
    registrar = Registrar(db, lease.id)
    directory = Directory(db, lambda *peer: endpoint.places(*peer))
    await directory.read(names=False)
    name = engines.name_of(lease.server_id)
    door = Door(db, config, name=name, directory=directory, inbound=inbound, registrar=registrar)
    endpoint = await SipEndpoint.open(
        config.sip_host,
        config.sip_port,
        on_invite=inbound.on_invite,
        accepts=door.accepts,
        admits=door.admits,
        tells=door.tells,
        keeps=registrar.serves,
        name=name,
        public=config.public_ip,
        tcp=config.sip_tcp,
        tls=config.sip_tls,
        certificate=_certificate(config),
        trace=trace,
        names=Names((config.name_server,)) if config.name_server else None,
    )
    calls.seen = Legs(trace, writer)
    calls.transfers = Transfers(db, config, calls=calls, endpoint=endpoint, plane=plane, telephones=telephones)
    dialer = Dialer(
        db,
        config,
        engine_id=lease.id,
        calls=calls,
        applications=applications,
        endpoint=endpoint,
        plane=plane,
        writer=writer,
        telephones=telephones,
    )
    registrations = TrunkRegistrations(db, engine_id=lease.id, endpoint=endpoint)
    figures = EngineCollector(
        lambda: Now(
            legs=len(calls.legs),
            calls_free=calls.free,
            sip_calls=endpoint.calls,
            sip_shed=endpoint.shed,
            sip_unreadable=endpoint.unreadable,
            sip_sent=trace.sent,
            sip_received=trace.received,
            sip_responses=trace.responses,
            sip_repeated=endpoint.repeated,
            registered=registrations.states,
            journal_waiting=writer.waiting,
            media=plane.snapshot(),
            door=door.snapshot(),
        )
    )
    # What was built so far lives as long as the process; the collector need not walk it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)
    try:
        async with asyncio.TaskGroup() as work:
            background = [
                work.create_task(writer.run()),
                work.create_task(_heartbeat(db, lease.id, lambda: not endpoint.draining)),
                work.create_task(db.listen("callwright_due", dialer.wake)),
                work.create_task(directory.run()),
            ]
            async with asyncio.TaskGroup() as tasks:
                inbound.serve_in(tasks)
                registrar.serve_in(tasks)
                dialling = tasks.create_task(dialer.run(tasks))
                registering = tasks.create_task(registrations.run(tasks))
                ready()
                await _until_told(stop, drain)
                endpoint.draining = True
                dialling.cancel()
                registering.cancel()
                await registrations.take_back()
                if not stop.is_set():
                    await _drained(calls, stop)
                for leg in list(calls.legs):
                    leg.hang_up()
            for task in background:
                task.cancel()
    finally:
        figures.close()
        await endpoint.close()
        plane.stop()
        calls.seen.finish()
        with contextlib.suppress(TimeoutError, *FAILURES):
            async with asyncio.timeout(LAST_WRITES_S_MAX):
                await writer.finish()
                await engines.stop(db, lease.id, now())
        await pool.close()
        await http.aclose()
        await db.close()


def _raise_descriptors() -> None:
    """A call has two sockets, RTP's and RTCP's: a thousand calls need more than the 1024 descriptors of most systems."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _certificate(config: Config) -> ssl.SSLContext | None:
    """That SIP over TLS shows; the supervisor has looked at it before it started this."""
    if config.sip_tls is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(config.tls_cert, config.tls_key)
    return context


async def _registered(db: Database, config: Config) -> EngineLease:
    """The lease, once the database answers: it may still be starting. The supervisor sets the bound."""
    while True:
        try:
            return await engines.register(
                db, socket.gethostname(), now(), sip=config.sip_to_ask, channels=config.channels
            )
        except FAILURES as error:
            log.warning("the engine waits for the database: %s", error)
            await asyncio.sleep(RETRY_S)


async def _until_told(stop: asyncio.Event, drain: asyncio.Event) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in (stop, drain)]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()


async def _drained(calls: Calls, stop: asyncio.Event) -> None:
    """Returns when the last call has ended, or when told to stop after all."""
    while calls.legs and not stop.is_set():  # noqa: ASYNC110 - two conditions, and nobody waits for the last 100 ms
        await asyncio.sleep(0.1)


async def _heartbeat(db: Database, engine_id: int, dials: Callable[[], bool]) -> None:
    """Tell that this engine lives, and whether it dials. Raises `LostLease`."""
    while True:
        await asyncio.sleep(engines.HEARTBEAT_S)
        try:
            if not await engines.heartbeat(db, engine_id, now(), dials=dials()):
                raise LostLease
        except FAILURES as error:
            log.warning("no heartbeat: %s", error)
