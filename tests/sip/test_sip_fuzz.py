"""A short run of `./dev bench fuzz`: hostile input, with a corpus that is kept."""

import pytest

from bench import fuzz
from callwright.base.errors import PeerError

pytestmark = pytest.mark.pure


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_escapes(seed: int) -> None:
    report = fuzz.run(2000, seed)
    assert not report.escapes, report.escapes[0]
    assert min(report.inputs.values()) > 100 and sum(report.refused.values()) > 200, "a run that reaches nothing"


def test_what_escapes_is_found(monkeypatch) -> None:
    """A reader with a mistake in it: the harness tells, with the input."""

    def wrong(data: bytes) -> None:
        if b"m=audio" in data:
            raise IndexError("list index out of range")
        raise PeerError("no")

    monkeypatch.setattr(fuzz.sdp, "parse", lambda text: wrong(text.encode("utf-8", "surrogateescape")))
    monkeypatch.setattr(fuzz, "_Sip", lambda _: fuzz._Sdp())
    found = fuzz.run(200, 1).escapes
    assert found and all(b"m=audio" in data and "IndexError" in told for _, data, told in found)
