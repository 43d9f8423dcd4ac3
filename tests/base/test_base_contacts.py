"""Files of contacts: any table survives being written as CSV, and each wrong file names its line."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callwright.base import contacts
from callwright.base.contacts import ContactsError

pytestmark = pytest.mark.pure

# What a file makes hard: all that CSV gives a meaning, and characters of one to four bytes. No bare CR: that may end a line.
TEXT = st.text("ab \",;\n'é€😀\ufeff", max_size=8)
NAME = TEXT.map(str.strip).filter(bool)
NUMBER = st.sampled_from(["6175551234", "tel:+16175551234;ani=8009957586;postd=2", "16175551234;postd=1p,2"])


@st.composite
def tables(draw):
    names = draw(st.lists(NAME, max_size=3, unique=True))
    rows = draw(st.lists(st.tuples(NUMBER, *(TEXT for _ in names)), min_size=1, max_size=4))
    return names, rows


@settings(max_examples=60)
@given(tables(), st.sampled_from(["\n", "\r\n"]), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), st.booleans())
def test_what_is_written_is_read(table, end, quoting, marked):
    names, rows = table
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=quoting, lineterminator=end)
    writer.writerow([" Destination ", *names])
    writer.writerows(rows)
    found = list(contacts.read(io.BytesIO(out.getvalue().encode("utf-8-sig" if marked else "utf-8"))))
    assert [(one.number.given, list(one.variables.items())) for one in found] == [
        (row[0], list(zip(names, row[1:], strict=True))) for row in rows
    ]


@settings(max_examples=60)
@given(tables(), st.integers(0, 3))
def test_the_first_bad_row_is_named_by_the_line_it_begins_on(table, at):
    names, rows = table
    at %= len(rows)
    rows[at] = ("nobody", *rows[at][1:])
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["destination", *names])
    writer.writerows(rows[:at])
    line = out.getvalue().count("\n") + 1
    writer.writerows(rows[at:])
    with pytest.raises(ContactsError) as raised:
        list(contacts.read(io.BytesIO(out.getvalue().encode())))
    assert (raised.value.problem, raised.value.line) == ("destination", line)


@settings(max_examples=100)
@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda rest: b"destination,a\n6175551234," + rest))
def test_bytes_of_any_kind_are_read_or_refused(data):
    try:
        found = list(contacts.read(io.BytesIO(data)))
    except ContactsError as error:
        assert 1 <= error.line <= data.count(b"\n") + 1
    else:
        assert found


@pytest.mark.parametrize(
    ("data", "problem", "line"),
    [
        (b"", "header", 1),
        (b"\n\n", "header", 1),
        (b"phone_number\n6175551234\n", "header", 1),
        (b"6175551234\n", "header", 1),
        (b"destination;name\n6175551234;Ann\n", "header", 1),
        (b"name,destination\nAnn,6175551234\n", "header", 1),
        (b"destination\n", "no rows", 1),
        (b"destination,,b\n6175551234,1,2\n", "name", 1),
        (b"destination," + b"x" * 101 + b"\n6175551234,1\n", "name", 1),
        (b"destination,a,a \n6175551234,1,2\n", "same name", 1),
        (b"destination" + b"".join(b",%d" % n for n in range(100)) + b"\n", "columns", 1),
        (b"destination\n6175551234\n\n  \n123\n", "destination", 5),
        (b'destination\n6175551234\n""\n', "destination", 3),
        (b"destination,a\n6175551234,1,2\n", "fields", 2),
        (b"destination,a\n6175551234\n", "fields", 2),
        (b'destination,a\n6175551234,"one\ntwo"\n6175551234\n', "fields", 4),
        (b'destination,a\n6175551234,"not closed\n\n\n', "quotes", 2),
        (b'destination,a\n6175551234,"a"b\n', "quotes", 2),
        (b"destination\r6175551234\r", "quotes", 1),
        (b"destination,a\n6175551234,\xff\n", "utf-8", 2),
        ("destination\n6175551234\n".encode("utf-16"), "utf-8", 1),
        (b"destination,a\n6175551234,\0\n", "utf-8", 2),
        (b"destination,a\n6175551234,\xef\xbb\xbfx\n6175551234," + b"x" * 70_000 + b"\n", "row", 3),
        (b"destination,a\n6175551234," + b"x" * 300_000 + b"\n", "line", 2),
    ],
)
def test_refused(data, problem, line):
    with pytest.raises(ContactsError) as raised:
        list(contacts.read(io.BytesIO(data)))
    assert (raised.value.problem, raised.value.line) == (problem, line)


def test_as_many_rows_as_there_may_be():
    taken = 0
    with pytest.raises(ContactsError) as raised:
        for _ in contacts.read(io.BytesIO(b"destination\n" + b"6175551234\n" * (contacts.ROWS_MAX + 1))):
            taken += 1
    assert taken == 100_000
    assert (raised.value.problem, raised.value.line, raised.value.limit) == ("rows", 100_002, 100_000)
