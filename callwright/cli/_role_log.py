"""What a role's processes print: kept in DATA/logs/<role>.log, errors shown on the terminal too."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path

from callwright.cli._log_format import level_of

BYTES_MAX = 5_000_000
OLD_FILES_MAX = 2
LINE_BYTES_MAX = 16_384
"A longer line is cut into several."

LAST_WORDS_S_MAX = 0.2
"After the last process of a role has ended, for what is still in the pipe."


class RoleLog:
    """One role's log. Its processes, one after another, get `fd` as their stdout and stderr."""

    def __init__(self, folder: Path, role: str, show: Callable[[str], None] | None) -> None:
        self.path = folder / f"{role}.log"
        self._role, self._show = role, show
        self._file = RotatingFileHandler(self.path, maxBytes=BYTES_MAX, backupCount=OLD_FILES_MAX, errors="replace")
        self._file.setFormatter(logging.Formatter("%(message)s"))
        self._read_fd, self.fd = os.pipe()
        os.set_blocking(self._read_fd, False)
        self._rest = b""
        # What a process prints outside its log, such as a traceback while it starts, is an error.
        self._is_error = True
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._read_fd, self._read)

    async def close(self) -> None:
        """Write what the ended processes have still said. A grandchild may hold the pipe for longer: not awaited."""
        os.close(self.fd)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), LAST_WORDS_S_MAX)
        asyncio.get_running_loop().remove_reader(self._read_fd)
        os.close(self._read_fd)
        self._file.close()

    def catch_up(self) -> None:
        """Read what is in the pipe now."""
        while self._read():
            pass

    def _read(self) -> bool:
        try:
            got = os.read(self._read_fd, LINE_BYTES_MAX)
        except BlockingIOError:
            return False
        *lines, self._rest = (self._rest + got).split(b"\n")
        if self._rest and (not got or len(self._rest) >= LINE_BYTES_MAX):
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            self._keep(line.decode(errors="replace").rstrip())
        if not got:
            asyncio.get_running_loop().remove_reader(self._read_fd)
            self._ended.set()
        return bool(got)

    def _keep(self, line: str) -> None:
        self._file.emit(logging.makeLogRecord({"msg": line}))
        if level := level_of(line):
            self._is_error = level in ("ERROR", "CRITICAL")
        elif "Traceback (most recent call last)" in line:
            self._is_error = True
        if self._is_error and self._show is not None:
            self._show(f"{self._role}: {line}")
