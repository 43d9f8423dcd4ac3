"""A reply written in pieces is the reply written at once, in both forms and in each family's manner."""

import json
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from callwright.web.plum import encoding
from callwright.web.plum.encoding import FUSE, Manner, encode, pieces, singular

pytestmark = pytest.mark.pure

LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | st.text("a<é/\0😀", max_size=4)
KEYS = st.sampled_from(["a", "b1", "1 b"])
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2), max_leaves=5
)
BODIES = st.dictionaries(st.sampled_from(["calls", "logs", "total"]), VALUES, min_size=1)
MANNERS = st.sampled_from([FUSE, Manner("logs", singular, escapes=True)])


async def _to_come(values) -> AsyncIterator:
    for value in values:
        yield value


def _lists_to_come(body):
    """The same body with its outer lists, and those of an inner object, still to come."""
    if isinstance(body, dict):
        return {name: _lists_to_come(value) for name, value in body.items()}
    return _to_come(body) if isinstance(body, list) else body


@given(BODIES, st.sampled_from(["json", "xml"]), MANNERS)
async def test_in_pieces_and_at_once(body, form, manner):
    whole = b"".join([piece async for piece in pieces(_lists_to_come(body), form, manner)])
    at_once = encode(body, form, manner)
    if form == "json":
        assert whole == at_once
        json.loads(whole)
    else:
        assert _canonical(whole) == _canonical(at_once)


def _canonical(xml: bytes) -> bytes:
    """An empty element may be written in two ways."""
    return etree.tostring(etree.fromstring(xml), method="c14n")


async def test_a_long_list_comes_in_pieces():
    rows = [{"n": n, "text": "x" * 100} for n in range(5_000)]
    found = [piece async for piece in pieces({"calls": _to_come(rows), "total": 5_000}, "json")]
    assert json.loads(b"".join(found)) == {"calls": rows, "total": 5_000}
    assert len(found) > 5
    assert max(map(len, found)) < 2 * encoding.PIECE_BYTES


async def test_a_list_that_breaks_is_not_ended_as_if_it_were_whole():
    async def breaks() -> AsyncIterator:
        for n in range(20_000):
            yield {"n": n}
        raise ConnectionError

    found = b""
    with pytest.raises(ConnectionError):
        async for piece in pieces({"calls": breaks()}, "json"):
            found += piece
    assert found.startswith(b'{"calls":[{"n":0},')
    with pytest.raises(ValueError):
        json.loads(found)
