"""One machine's Callwright: the data directory, the database, the processes, and what a script must know of them."""

import asyncio
import contextlib
import errno
import ipaddress
import json
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from callwright.base.config import Config, LogFormat
from callwright.cli import _postgres, _supervisor
from callwright.cli._address import Address
from callwright.cli._data_dir import CannotStart, hold, sealing_key
from callwright.cli._health import http_answers, sip_answers
from callwright.cli._postgres import EmbeddedPostgres
from callwright.cli._supervisor import Program, Supervisor
from callwright.cli._tls import check_tls, public_url
from callwright.sip.address import is_ip

PROCESSES = ("pool", "web", "jobs", "engine", "phone")
READY_S_MAX = 60.0
"From the start of a process to its readiness, on a machine that compiles and caches everything for the first time."

DRAIN_S_MAX = 3 * 3600.0
"No call is let to last longer."

OWN_END_S_MAX = 2.5
"For Python to take itself apart once nothing else runs: two seconds on a machine three times too busy."

STOP_S_MAX = _supervisor.STOP_S_MAX + _supervisor.KILLED_S_MAX + _postgres.GIVEN_UP_S_MAX + OWN_END_S_MAX
"The programs, then the database, then we. After so long the kernel ends us, and by that whatever is left."

SOCKET_PATH_MAX = 100
"A UNIX socket's path has at most 107 bytes."

HTTP = Address("127.0.0.1", 8080)
SIP = Address("127.0.0.1", 5060)
PHONE = Address("127.0.0.1", 5062)

PORT_POLL_S = 0.1
LET_GO_S_MAX = 5.0
"After a kill, the last run's processes have their ports for this long."


@dataclass(frozen=True, slots=True)
class Options:
    """How to run one machine's Callwright."""

    data_dir: Path
    http: Address = HTTP
    sip: Address = SIP
    sip_tcp: Address | None = None
    sip_tls: Address | None = None
    public_ip: str = ""
    "By which others reach this machine through a NAT that keeps ports; empty: there is none."

    phone: Address = PHONE
    "The built-in test phone's SIP user agent."

    allow_urls: tuple[str, ...] = ()
    "CIDRs of private networks that URLs given by users may reach."

    channels: int = 1000
    "Calls at once."

    ring_s: float = 60.0
    "How long a telephone rings before an outbound call is given up."

    rtp_timeout_s: float = 60.0
    "A far end that has sent nothing for so long has gone; 0: never."

    name_server: Address | None = None
    "Asked where SIP servers are; None: the name servers of this machine."

    codecs: str = ""
    "Audio codecs by name, in the order in which they are offered; empty: all that are installed."

    callee_s: float = 4.0
    "After so long at most it is told who has answered an outbound call. 0: never."

    smtp_url: str = ""
    "The server that takes e-mail; empty: none is sent."

    mail_from: str = "callwright@localhost"
    tls_cert: Path | None = None
    "The certificate chain that HTTPS shows; None: HTTP."

    tls_key: Path | None = None
    public_url: str = ""
    "Where clients reach the API. Empty: as they ask for it."

    behind_proxy: bool = False
    "HTTP may listen beyond this machine: a proxy in front of it speaks TLS."

    database_url: str = ""
    "postgresql://… of a server of one's own. Empty: the embedded one."

    log_format: LogFormat = "plain"
    ready_file: Path | None = None
    "Where to write what a script needs to know, once everything answers."


class Platform:
    """Everything of one machine, running: `async with Platform(options, say) as platform`."""

    def __init__(self, options: Options, say: Callable[[str], None]) -> None:
        self.options = options
        self.ready: dict[str, Any] = {}
        "What the ready file holds: addresses, secrets, ids, and each process's number."

        self._say = say
        self._data_dir = options.data_dir.expanduser().absolute()
        self._end = contextlib.AsyncExitStack()

    async def __aenter__(self) -> "Platform":
        async with self._end:
            was_killed = self._end.enter_context(hold(self._data_dir))
            config = await self._configure(LET_GO_S_MAX if was_killed else 0.0)
            supervisor = await self._end.enter_async_context(
                Supervisor(self._data_dir / "logs", self._say, self._write_ready_file)
            )
            self._supervisor = supervisor
            await self._start(config)
            self._end = self._end.pop_all()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._end.__aexit__(*error)

    async def drain(self) -> None:
        """Take no new calls, and wait until those in progress have ended."""
        await self._supervisor.drain("engine", drain_s_max=DRAIN_S_MAX)

    # -- starting -----------------------------------------------------------------------------

    async def _configure(self, wait_s: float) -> Config:
        """Check the options, and take what is free of the ports, waiting for them so long."""
        options = self.options
        check_tls(options.tls_cert, options.tls_key)
        if not options.http.is_loopback and not options.behind_proxy and options.tls_cert is None:
            raise CannotStart(
                f"--http {options.http} can be reached from other machines, and would carry passwords unencrypted. Give it a "
                "certificate (--tls-cert, --tls-key), put a proxy that speaks TLS in front of it and say --behind-proxy, "
                "or listen on 127.0.0.1."
            )
        _check_places(options)
        if options.sip_tls is not None and options.tls_cert is None:
            raise CannotStart("--sip-tls needs a certificate: give --tls-cert and --tls-key too.")
        for network in options.allow_urls:
            _check_network(network)
        _check_mail(options.smtp_url, options.mail_from)
        config = Config(
            data_dir=str(self._data_dir),
            database_url=options.database_url,
            http_host=options.http.host,
            tls_cert=str(options.tls_cert.absolute()) if options.tls_cert else "",
            tls_key=str(options.tls_key.absolute()) if options.tls_key else "",
            public_url=public_url(options.public_url) if options.public_url else "",
            http_port=await _claim(options.http, socket.SOCK_STREAM, "--http", wait_s),
            sip_host=options.sip.host,
            sip_port=await _claim(options.sip, socket.SOCK_DGRAM, "--sip", wait_s),
            sip_tcp=await self._stream(options.sip_tcp, "--sip-tcp", wait_s),
            sip_tls=await self._stream(options.sip_tls, "--sip-tls", wait_s),
            public_ip=options.public_ip,
            phone_host=options.phone.host,
            phone_port=await _claim(options.phone, socket.SOCK_DGRAM, "--phone", wait_s),
            allow_urls=options.allow_urls,
            channels=options.channels,
            log_format=options.log_format,
            ring_s=options.ring_s,
            codecs=options.codecs,
            name_server=(options.name_server.host, options.name_server.port) if options.name_server else None,
            rtp_timeout_s=options.rtp_timeout_s,
            callee_s=options.callee_s,
            sealing_key=sealing_key(self._data_dir),
            smtp_url=options.smtp_url,
            mail_from=options.mail_from,
        )
        if len(os.fsencode(config.pool_socket)) > SOCKET_PATH_MAX:
            raise CannotStart(
                f"{config.data_dir} is too long a path for the UNIX sockets in it; choose another --data."
            )
        self._remove_ready_file()
        self._end.callback(self._remove_ready_file)
        return config

    async def _stream(self, wanted: Address | None, option: str, wait_s: float) -> tuple[str, int] | None:
        if wanted is None:
            return None
        return wanted.host, await _claim(wanted, socket.SOCK_STREAM, option, wait_s)

    async def _start(self, config: Config) -> None:
        postgres = None
        if not config.database_url:
            log = self._supervisor.log("postgres", show_errors=False)
            postgres = EmbeddedPostgres(self._data_dir, log=log.fd)
            config = replace(config, database_url=postgres.url)
        config_file = config.run_dir / "config.json"
        config.save(config_file)
        # The pool needs no database, and loads its voices meanwhile.
        await _all(self._start_program("pool", config_file), self._start_database(config, postgres))
        first = await self._first_start(config)
        self._say("Starting " + ", ".join(PROCESSES[1:]))
        await _all(*(self._start_program(role, config_file) for role in PROCESSES[1:]))
        cert = self.options.tls_cert
        base_url = Address(config.http_host, config.http_port).url(tls=cert is not None)
        sip = Address(self.options.sip.to_ask.host, config.sip_port)
        await _all(http_answers(f"{base_url}/health", cert), sip_answers(sip.host, sip.port))
        self.ready = {
            "base_url": base_url,
            "public_url": config.public_url or base_url,
            **{name: value for name, value in first.items() if name != "sms_inbound_path"},
            "metrics_token": config.metrics_token,
            "sms_inbound_url": base_url + first["sms_inbound_path"],
            "sip": str(sip),
            **{name: str(Address(*at).to_ask) for name in ("sip_tcp", "sip_tls") if (at := getattr(config, name))},
            "phone": str(Address(config.phone_host, config.phone_port)),
            "recordings_dir": str(config.recordings_dir),
        }
        self._write_ready_file()

    async def _start_database(self, config: Config, postgres: EmbeddedPostgres | None) -> None:
        if postgres is not None:
            self._say("Starting PostgreSQL")

            async def start() -> EmbeddedPostgres:
                await postgres.start()
                return postgres

            await self._supervisor.start("postgres", start)
        # Before the database, which the supervisor stops at its own end: they write what they still have to.
        self._end.push_async_callback(self._stop_programs)
        await self._migrate(config.database_url)

    async def _stop_programs(self) -> None:
        await self._supervisor.stop(*PROCESSES)

    async def _migrate(self, url: str) -> None:
        # Imported only now: it takes half a second, in which the server starts.
        from sqlalchemy.exc import SQLAlchemyError

        from callwright.store.migrate import migrate

        self._say("Bringing the database to this release's schema")
        try:
            await migrate(url)
        except (OSError, SQLAlchemyError) as error:
            # What the server said, without SQLAlchemy's remarks on it.
            said = str(getattr(error, "orig", None) or error or type(error).__name__)
            raise CannotStart(f"the database cannot be used: {said.splitlines()[0]}") from error

    async def _first_start(self, config: Config) -> dict[str, Any]:
        from callwright.services.first_start import first_start
        from callwright.store.database import Database

        db = await Database.open(config.database_url, size=1)
        try:
            return asdict(await first_start(db, config))
        finally:
            await db.close()

    async def _start_program(self, role: str, config_file: Path) -> None:
        # -P: no module of the folder that the user happens to stand in takes the place of one of ours.
        command = [sys.executable, "-P", "-m", "callwright", role, "--config", str(config_file)]
        log = self._supervisor.log(role)
        # numpy's own threads only cost memory here: the arrays are small.
        env = {"OPENBLAS_NUM_THREADS": "1", **os.environ}
        await self._supervisor.start(role, lambda: Program.start(command, log, env=env, ready_s_max=READY_S_MAX))

    def _write_ready_file(self) -> None:
        """Once everything answers, and again when a process was started anew."""
        if not self.ready:
            return
        self.ready["pids"] = {"up": os.getpid(), **self._supervisor.pids}
        file = self.options.ready_file
        if file is not None:
            part = file.with_name(f".{file.name}.part")
            part.unlink(missing_ok=True)
            part.touch(mode=0o600)
            part.write_text(json.dumps(self.ready, indent=2) + "\n")
            part.replace(file)

    def _remove_ready_file(self) -> None:
        if self.options.ready_file is not None:
            self.options.ready_file.unlink(missing_ok=True)


async def _claim(wanted: Address, kind: socket.SocketKind, option: str, wait_s: float) -> int:
    until = time.monotonic() + wait_s
    while True:
        try:
            return wanted.claim(kind).port
        except OSError as error:
            if error.errno == errno.EADDRINUSE and time.monotonic() < until:
                await asyncio.sleep(PORT_POLL_S)
                continue
            protocol = "TCP" if kind is socket.SOCK_STREAM else "UDP"
            raise CannotStart(
                f"cannot listen on {wanted} ({protocol}): {error.strerror}. "
                f"Choose another with {option} HOST:PORT; port 0 takes a free one."
            ) from error


def _check_mail(smtp_url: str, mail_from: str) -> None:
    if not smtp_url:
        return
    try:
        url = urlsplit(smtp_url)
        valid = url.scheme in ("smtp", "smtps") and bool(url.hostname) and url.port != 0
    except ValueError:
        valid = False
    if not valid:
        # The URL may hold a password: it is not repeated.
        raise CannotStart("--smtp-url is not smtp://[user:password@]host[:port], or smtps://… for TLS from the start")
    if "@" not in mail_from.strip("@"):
        raise CannotStart(f"--mail-from {mail_from} is not a mail address")


def _check_places(options: Options) -> None:
    """Where SIP and the test phone listen."""
    for option, where in (("--sip", options.sip), ("--sip-tcp", options.sip_tcp), ("--sip-tls", options.sip_tls)):
        if where is not None and where.is_link_local:
            raise CannotStart(
                f"{option} {where} is a link-local address, which means nothing to a far end that is told it. "
                "Give SIP a global or a unique local one, or [::] for all of this machine's."
            )
    phone, sip = options.phone, options.sip
    if options.public_ip and sip.is_loopback:
        raise CannotStart(
            f"--public-ip {options.public_ip}: --sip {sip} is reached by nobody else. Listen elsewhere too."
        )
    if options.public_ip and is_ip(sip.host) and sip.host != "::" and (":" in sip.host) != (":" in options.public_ip):
        raise CannotStart(
            f"--public-ip {options.public_ip} leads to no --sip {sip}: one is IPv4 and the other IPv6. Choose another of them."
        )
    if not is_ip(phone.host) or not phone.is_loopback:
        raise CannotStart(
            f"--phone {phone}: the test phone answers everybody, and so is for this machine alone. "
            "It listens at 127.0.0.1 or [::1]."
        )
    if is_ip(sip.host) and sip.host != "::" and (":" in sip.host) != (":" in phone.host):
        raise CannotStart(
            f"--phone {phone} and --sip {sip} do not reach each other: one is IPv4 and the other IPv6. "
            "Choose another --phone, or --sip [::]:PORT for both."
        )


def _check_network(text: str) -> None:
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise CannotStart(f"--allow-url {error}") from None


async def _all(*starts: Awaitable[None]) -> None:
    """All at the same time; the first failure cancels the others and is raised as it is."""

    async def one(start: Awaitable[None]) -> None:
        await start

    try:
        async with asyncio.TaskGroup() as group:
            for start in starts:
                group.create_task(one(start))
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
