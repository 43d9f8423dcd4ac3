"""Files out of an archive that somebody sent (zip, tar.gz), one after the other and within limits.

An archive may lie about itself: a small one can unpack to gigabytes, list millions of entries, or name places outside of
it. So nothing is unpacked to disk, entries are read in pieces that are counted, and what the readers of the standard
library would take into memory at once (the directory of a zip, the long names of a tar) is bounded by the file that
they are given.
"""

import gzip
import itertools
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import IO, BinaryIO

from callwright.base.errors import AuthorError

ENTRIES_MAX = 2_000
"A thousand prompts in two languages; more come in another archive."

UNPACKED_BYTES_MAX = 512 << 20
"Of all entries together: an hour of PCM at 44,100 Hz, twice."

READ_BYTES_MAX = 2 << 20
"Read at once, at most: a zip's directory of some twenty thousand entries."

PIECE_BYTES = 64 << 10
"A piece in which an entry is read."

_LINK = 0o120000
_KIND = 0o170000
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"Of a zip's entries. Others may ask for gigabytes of memory to be unpacked."

_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)
_BROKEN = (*_DAMAGED, tarfile.TarError, OSError, ValueError)
"What the readers raise for an archive that is none, is damaged, or uses what they do not know."


class ArchiveError(AuthorError):
    """The archive cannot be read, or not to its end."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of an archive. `content` is None where it cannot be had; `problem` says why then."""

    path: str
    content: bytes | None
    problem: str = ""


def entries(archive: BinaryIO, entry_bytes_max: int) -> Iterator[Entry]:
    """The files in the archive; folders are passed by. Raises `ArchiveError`, at the start or at where it is damaged."""
    begins = archive.read(512)
    archive.seek(0)
    try:
        if begins[:2] == b"PK":
            yield from _zip(_Bounded(archive), entry_bytes_max)
        elif begins[:2] == b"\x1f\x8b":
            yield from _tar(_Forward(gzip.GzipFile(fileobj=archive)), entry_bytes_max)
        elif begins[257:262] == b"ustar":
            yield from _tar(_Forward(archive), entry_bytes_max)
        else:
            raise ArchiveError("it is neither a zip nor a tar.gz file")
    except _BROKEN as error:
        raise ArchiveError(f"it is damaged: {' '.join(str(error).split()) or type(error).__name__}") from None


# -- zip ------------------------------------------------------------------------------------------


class _Bounded:
    """A file of which nobody reads much at once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            at = self.tell()
            size = self.seek(0, 2) - at
            self.seek(at)
        if size > READ_BYTES_MAX:
            raise ArchiveError(f"its directory is too large: it may have {ENTRIES_MAX} files")
        return self._file.read(size)


def _zip(file: _Bounded, entry_bytes_max: int) -> Iterator[Entry]:
    with zipfile.ZipFile(file) as archive:
        found = [entry for entry in archive.infolist() if not entry.is_dir()]
        _check_count(len(found))
        left = UNPACKED_BYTES_MAX
        for entry in found:
            if (entry.external_attr >> 16) & _KIND == _LINK:
                yield Entry(entry.filename, None, "it is a link")
            elif entry.flag_bits & 1:
                yield Entry(entry.filename, None, "it is encrypted")
            elif entry.compress_type not in _PACKINGS:
                yield Entry(entry.filename, None, "it is packed in a way that is not read; deflate is")
            else:
                read = _entry(entry.filename, partial(archive.open, entry), min(left, entry_bytes_max))
                left -= len(read.content) if read.content is not None else min(left, entry_bytes_max)
                yield read
            _check_left(left)


# -- tar ------------------------------------------------------------------------------------------


class _Forward:
    """A stream that is read once from its beginning to its end, and not for ever."""

    def __init__(self, file: gzip.GzipFile | BinaryIO) -> None:
        self._file = file
        self._at = 0
        self._left = READ_BYTES_MAX
        "May be read until the next seek or entry: a header, in few pieces or many; or a piece of content, which is sought."

    def tell(self) -> int:
        return self._at

    def read(self, size: int) -> bytes:
        if not 0 <= size <= self._left:
            raise ArchiveError("an entry of it has too long a name")
        self._left -= size
        return self._read(size)

    def _read(self, size: int) -> bytes:
        found = self._file.read(size)
        self._at += len(found)
        _check_left(UNPACKED_BYTES_MAX - self._at)
        return found

    def entry_begins(self) -> None:
        """It need not be sought: an entry without content lies right before it."""
        self._left = READ_BYTES_MAX

    def seek(self, position: int) -> int:
        self._left = READ_BYTES_MAX
        while self._at < position and self._read(min(PIECE_BYTES, position - self._at)):
            pass
        if self._at != position:
            raise ArchiveError("it ends before its last file does")
        return self._at


def _tar(stream: _Forward, entry_bytes_max: int) -> Iterator[Entry]:
    # Not `with`: closing would look for the end of what is not written.
    archive = tarfile.TarFile(fileobj=stream, mode="r")  # type: ignore[arg-type]
    for count in itertools.count(1):
        stream.entry_begins()
        entry = archive.next()
        if entry is None:
            return
        # Folders count, too: the reader keeps all that it has seen.
        _check_count(count)
        if entry.isdir():
            continue
        if entry.isreg():
            yield _entry(entry.name, partial(archive.extractfile, entry), entry_bytes_max)
        else:
            yield Entry(entry.name, None, "it is no file but a link or a device")


# -- both -----------------------------------------------------------------------------------------


def _entry(path: str, opened: Callable[[], IO[bytes] | None], bytes_max: int) -> Entry:
    pieces: list[bytes] = []
    size = 0
    try:
        source = opened()
        assert source is not None, "it is a file"
        with source:
            while piece := source.read(PIECE_BYTES):
                pieces.append(piece)
                size += len(piece)
                if size > bytes_max:
                    return Entry(path, None, f"it has more than {bytes_max} bytes")
    except _DAMAGED as error:
        return Entry(path, None, f"it is damaged in the archive: {' '.join(str(error).split())}")
    return Entry(path, b"".join(pieces))


def _check_count(count: int) -> None:
    if count > ENTRIES_MAX:
        raise ArchiveError(f"it has more than {ENTRIES_MAX} files")


def _check_left(left: int) -> None:
    if left <= 0:
        raise ArchiveError(f"it unpacks to more than {UNPACKED_BYTES_MAX} bytes")
