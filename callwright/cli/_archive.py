"""A backup file: one tar with everything that a data directory keeps, and last of all the manifest that proves it whole.

    database.dump     as `pg_dump --format=custom` writes it
    audio/…           accounts' audio files
    recordings/…      recordings of calls
    secrets.json      the first account's secrets
    sealing.key       the key of what is sealed in the database
    manifest.json     versions, and the size and SHA-256 of each of the above

The manifest comes last, so that a file which was cut off has none. Nothing is taken from a backup before all of it has
been read and compared with its manifest.
"""

import contextlib
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from callwright.base.errors import CallwrightError

FORMAT = 1
"Of the file. A reader refuses a newer one."

DUMP = "database.dump"
MANIFEST = "manifest.json"
MANIFEST_BYTES_MAX = 512 << 20
"A hundred bytes for each of some millions of recordings."

CHUNK_BYTES = 1 << 20

Progress = Callable[[int], None]
"Called with the bytes that were done since the last time."


class BadBackup(CallwrightError):
    """The file is no backup, not whole, or of another release; in one line."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself."""

    format: int
    made_at: float
    "UNIX seconds: nothing that came later is in it."

    callwright: str
    "The release that made it."

    schema: str
    "The revision of the database's schema."

    postgres: int
    "The major version of the server."

    files: dict[str, tuple[int, str]]
    "Size in bytes and SHA-256 by name."


class ArchiveWriter:
    """Writes a backup to an open file."""

    def __init__(self, file: IO[bytes], progress: Progress) -> None:
        self._tar = tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed in `close`
        self._progress = progress
        self._files: dict[str, tuple[int, str]] = {}

    def add(self, name: str, source: IO[bytes]) -> None:
        """Add the bytes that an open file has now: a recording may go on growing."""
        size = os.fstat(source.fileno()).st_size
        reader = _Hashing(source, self._progress)
        self._tar.addfile(_entry(name, size), reader)
        self._files[name] = (size, reader.sha256.hexdigest())

    def close(self, *, made_at: float, callwright: str, schema: str, postgres: int) -> Manifest:
        manifest = Manifest(FORMAT, made_at, callwright, schema, postgres, self._files)
        body = json.dumps(asdict(manifest)).encode()
        self._tar.addfile(_entry(MANIFEST, len(body)), io.BytesIO(body))
        self._tar.close()
        return manifest


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry


class _Hashing(io.RawIOBase):
    """Reads another file, and keeps the SHA-256 of what went through."""

    def __init__(self, source: IO[bytes], progress: Progress) -> None:
        self._source, self._progress = source, progress
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self.sha256.update(data)
        self._progress(len(data))
        return data


def check(path: Path, progress: Progress) -> Manifest:
    """Read a backup to its end and compare it with its manifest. Raises `BadBackup`."""
    found: dict[str, tuple[int, str]] = {}
    manifest: Manifest | None = None
    with _opened(path) as tar:
        for entry in tar:
            if manifest is not None or not entry.isreg() or entry.name in found or not _is_ours(entry.name):
                raise BadBackup(f"{path} holds {entry.name!r}, which no backup does")
            source = tar.extractfile(entry)
            assert source is not None, "a regular file"
            if entry.name == MANIFEST:
                manifest = _manifest(path, source.read(MANIFEST_BYTES_MAX))
            else:
                reader = _Hashing(source, progress)
                while reader.read(CHUNK_BYTES):
                    pass
                found[entry.name] = (entry.size, reader.sha256.hexdigest())
    if manifest is None:
        raise BadBackup(f"{path} is not whole: it ends before its manifest")
    for name in sorted(found.keys() | manifest.files.keys()):
        if name not in found:
            raise BadBackup(f"{path} is not whole: {name} is missing")
        if found[name] != manifest.files.get(name):
            raise BadBackup(f"{path} is damaged: {name} is not what was written")
    if DUMP not in found:
        raise BadBackup(f"{path} holds no database")
    return manifest


def extract(path: Path, folder: Path, progress: Progress) -> None:
    """Write everything but the manifest below a folder, readable by its owner alone. After `check`."""
    with _opened(path) as tar:
        for entry in tar:
            source = tar.extractfile(entry)
            if source is None or entry.name == MANIFEST:
                continue
            to = folder / entry.name
            to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(to, "xb", opener=private) as file:
                while data := source.read(CHUNK_BYTES):
                    file.write(data)
                    progress(len(data))


def private(path: str, flags: int) -> int:
    """An `opener` of files that only their owner may read."""
    return os.open(path, flags, 0o600)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path, "r:") as tar:
            yield tar
    except tarfile.TarError as error:
        raise BadBackup(f"{path} is no backup, or not whole: {error}") from None
    except OSError as error:
        raise BadBackup(f"{path} cannot be read: {error.strerror or error}") from None


def _is_ours(name: str) -> bool:
    """A name as `ArchiveWriter` gives them: nothing that would lead out of the folder."""
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts and "\0" not in name


def _manifest(path: Path, body: bytes) -> Manifest:
    try:
        fields = json.loads(body)
        if fields["format"] > FORMAT:
            raise BadBackup(f"{path} was made by Callwright {fields['callwright']}, and this one cannot read it")
        files = {str(name): (int(size), str(digest)) for name, (size, digest) in fields.pop("files").items()}
        return Manifest(**fields, files=files)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadBackup(f"{path} has a manifest that cannot be read: {error!r}") from None
