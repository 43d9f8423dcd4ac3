import sys
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.media import g711

pytestmark = pytest.mark.pure

EVERY_CODE = bytes(range(256))


def test_silence_is_zero():
    assert g711.decode(bytes([g711.SILENCE_BYTE]))[0] == 0
    assert g711.encode(np.zeros(3, np.int16)) == b"\xff\xff\xff"


def test_every_code_survives_decoding_and_encoding():
    expected = EVERY_CODE.replace(b"\x7f", b"\xff")  # minus zero becomes zero
    assert g711.encode(g711.decode(EVERY_CODE)) == expected


def test_the_loudest_codes():
    assert g711.decode(b"\x80")[0] == 32124
    assert g711.decode(b"\x00")[0] == -32124
    assert g711.encode(np.array([32767, -32768], np.int16)) == b"\x80\x00"


@given(st.integers(-32768, 32767))
def test_the_error_stays_within_a_sixteenth(sample):
    back = int(g711.decode(g711.encode(np.array([sample], np.int16)))[0])
    assert abs(back - sample) <= max(12, abs(sample) // 16)


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="the standard library has no audioop to compare with")
def test_every_sample_and_code_as_audioop_has_them():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import audioop
    samples = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)
    assert g711.encode(samples) == audioop.lin2ulaw(samples.tobytes(), 2)
    assert g711.decode(EVERY_CODE).tobytes() == audioop.ulaw2lin(EVERY_CODE, 2)
