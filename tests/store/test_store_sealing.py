"""What is sealed can be read with the platform's key alone, and for what it was sealed."""

import pytest

from callwright.base.errors import ProviderError
from callwright.store.sealing import Sealer, new_key

pytestmark = pytest.mark.pure


def test_what_was_sealed_comes_back_and_shows_nothing():
    sealer = Sealer(new_key())
    sealed = sealer.seal(b"your code is 4711", "text")
    assert b"4711" not in sealed and sealer.seal(b"your code is 4711", "text") != sealed
    assert sealer.unseal(sealed, "text") == b"your code is 4711"


@pytest.mark.parametrize("change", ["key", "purpose", "content", "length"])
def test_anything_else_is_refused(change):
    sealer = Sealer(new_key())
    sealed = sealer.seal(b"your code is 4711", "text")
    if change == "content":
        sealed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    if change == "length":
        sealed = sealed[:5]
    reader = Sealer(new_key()) if change == "key" else sealer
    with pytest.raises(ProviderError, match="sealing key"):
        reader.unseal(sealed, "checkpoint" if change == "purpose" else "text")


@pytest.mark.parametrize("key", ["", "abc", "not base64 \u00e9", "QUJD"])
def test_what_is_no_key(key):
    with pytest.raises(ProviderError, match="32 bytes"):
        Sealer(key)
