"""The data directory of one machine: what lies in it, and that one process at a time works with it."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from callwright.base.errors import CallwrightError

FOLDERS = {"audio": True, "logs": False, "prompts": False, "recordings": True, "run": False}
"What is made in it, and whether a backup holds it: prompts are made anew, logs and sockets belong to the machine."

SEALING_KEY = "sealing.key"
"With it what is sealed in the database can be read: `store.sealing`."

FILES = ("secrets.json", SEALING_KEY)
"What a backup holds beside folders and the database."

DATABASE = "postgres"
"The embedded database's folder, or a link to it."


class CannotStart(CallwrightError):
    """What the user has to change before it can start, in one line."""


class InUse(CannotStart):
    """A platform works with it now."""


@contextlib.contextmanager
def hold(data_dir: Path) -> Iterator[bool]:
    """Make the data directory, and hold it: two platforms in one would write over each other.

    Gives whether the last holder was killed: one that ends by itself leaves no number in the lock file. Raises `InUse`.
    """
    try:
        make_folder(data_dir)
        for name in FOLDERS:
            (data_dir / name).mkdir(mode=0o700, exist_ok=True)
        lock = (data_dir / "run" / "lock").open("a+")
    except OSError as error:
        raise CannotStart(f"the data directory {data_dir} cannot be used: {error.strerror}") from error
    with lock:
        lock.seek(0)
        holder = lock.read().strip()
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUse(f"process {holder} already runs with --data {data_dir}.") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        try:
            yield bool(holder)
        finally:
            lock.truncate(0)


def sealing_key(data_dir: Path) -> str:
    """The platform's sealing key, made at the first start. A folder that is held."""
    file = data_dir / SEALING_KEY
    if not file.exists():
        # Imported only now, and only once: a second start has its key.
        from callwright.store.sealing import new_key

        part = file.with_suffix(".part")
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        part.write_text(new_key() + "\n")
        part.rename(file)
    return file.read_text().strip()


def make_folder(folder: Path) -> None:
    """As root the database runs as another user, who must be able to pass this folder but not to list it."""
    folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)


def is_empty(data_dir: Path) -> bool:
    """Whether there is nothing in it that a backup would hold."""
    return not any(data_dir.is_dir() and _is_there(data_dir / name) for name in kept())


def kept() -> tuple[str, ...]:
    """The names of what a data directory keeps: what a restore replaces."""
    return (DATABASE, *(name for name, backed_up in FOLDERS.items() if backed_up), *FILES)


def _is_there(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else os.path.lexists(path)
