"""A file of contacts: CSV, a telephone number in each row, and what the application is to know of its owner.

The first column is `destination`, in the syntax of `phone_numbers`; each other column is a variable of its name
(docs/compatibility/fuse-queue-calls.md). UTF-8 with or without a byte order mark, CRLF or LF, fields quoted where they
hold commas, quotes or line breaks (RFC 4180). Rows are read one at a time, so that a file may be far larger than
what it costs to read it.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

from callwright.base import phone_numbers
from callwright.base.phone_numbers import PhoneNumber

DESTINATION = "destination"

ROWS_MAX = 100_000
"Of one file: what is queued in one transaction, in seconds."

COLUMNS_MAX = 100
NAME_MAX = 100
"Characters of a column's name."

ROW_MAX = 64 << 10
"Characters of a row, in all its fields: what the metadata of a single call may have."

LINE_BYTES_MAX = 4 * ROW_MAX
"Of a line as it stands in the file: no character of UTF-8 has more than four bytes."

Problem = Literal[
    "header",
    "columns",
    "name",
    "same name",
    "no rows",
    "rows",
    "destination",
    "fields",
    "row",
    "line",
    "utf-8",
    "quotes",
]


class ContactsError(Exception):
    """The file cannot be taken, none of it. `line` counts from 1, as editors count; a row of several lines is where it begins."""

    def __init__(self, problem: Problem, line: int = 1, *, limit: int = 0, found: str = "") -> None:
        self.problem, self.line, self.limit, self.found = problem, line, limit, found
        super().__init__(f"line {line}: {problem}")


@dataclass(frozen=True, slots=True)
class Contact:
    """One row."""

    number: PhoneNumber
    variables: dict[str, str] = field(default_factory=dict)


class Lines(Protocol):
    """A file open for reading bytes."""

    def readline(self, limit: int, /) -> bytes: ...


def read(file: Lines) -> Iterator[Contact]:
    """The rows in their order. Raises `ContactsError` at the first that is wrong; blank lines are left out."""
    rows = csv.reader(_lines(file), strict=True)
    names = _names(next(_rows(rows), (1, []))[1])
    count = 0
    for line, row in _rows(rows):
        count += 1
        if count > ROWS_MAX:
            raise ContactsError("rows", line, limit=ROWS_MAX)
        yield _contact(line, row, names)
    if not count:
        raise ContactsError("no rows")


def _contact(line: int, row: list[str], names: list[str]) -> Contact:
    if len(row) != len(names):
        raise ContactsError("fields", line, limit=len(names), found=str(len(row)))
    if sum(map(len, row)) > ROW_MAX:
        raise ContactsError("row", line, limit=ROW_MAX)
    number = phone_numbers.parse(row[0].strip())
    if number is None:
        raise ContactsError("destination", line)
    return Contact(number, dict(zip(names[1:], row[1:], strict=True)))


def _names(header: list[str]) -> list[str]:
    names = [name.strip() for name in header]
    if not names or names[0].lower() != DESTINATION:
        raise ContactsError("header")
    if len(names) > COLUMNS_MAX:
        raise ContactsError("columns", limit=COLUMNS_MAX)
    known: set[str] = set()
    for at, name in enumerate(names, 1):
        if not 0 < len(name) <= NAME_MAX:
            raise ContactsError("name", limit=NAME_MAX, found=str(at))
        if name in known:
            raise ContactsError("same name", found=name)
        known.add(name)
    return names


class _Reader(Protocol):
    """A CSV reader of the standard library, whose own class has no public name."""

    @property
    def line_num(self) -> int: ...

    def __next__(self) -> list[str]: ...


def _rows(rows: _Reader) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank, with the line that it begins on."""
    while True:
        line = rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            # A field that is not closed, goes on after its closing quote, or holds a bare CR.
            raise ContactsError("quotes", line) from None
        if row and not (len(row) == 1 and row[0].isspace()):
            yield line, row


def _lines(file: Lines) -> Iterator[str]:
    line = 0
    while data := file.readline(LINE_BYTES_MAX + 1):
        line += 1
        if len(data) > LINE_BYTES_MAX:
            raise ContactsError("line", line, limit=LINE_BYTES_MAX)
        try:
            text = data.decode("utf-8-sig" if line == 1 else "utf-8")
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            # Also what a spreadsheet saves as "Unicode text": UTF-16 is full of them.
            raise ContactsError("utf-8", line)
        yield text
