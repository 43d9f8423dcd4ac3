"""Every codec of the registry, and what A-law costs in precision."""

import numpy as np
import pytest

from callwright.media import codecs, g711
from callwright.media.codec import CODECS
from callwright.media.frames import SILENCE_FRAME

pytestmark = pytest.mark.pure

EVERY_CODE = bytes(range(256))


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_a_codec_says_what_sdp_needs(codec):
    name, rate_hz = codec.encoding.split("/")[:2]
    assert name.lower() == codec.name and codec.__doc__
    assert int(rate_hz) == 8000 * codec.clock_ratio
    assert codec.payload_type < 96 or 96 <= codec.payload_type <= 127
    assert bool(codec.package) == bool(codec.extra)


def test_numbers_and_places_are_given_once():
    for given in ("payload_type", "place"):
        assert len({getattr(codec, given) for codec in CODECS.values()}) == len(CODECS)


@pytest.mark.parametrize("codec", codecs.installed(), ids=lambda codec: codec.name)
def test_silence_stays_silent(codec):
    coder = codec()
    for _ in range(5):
        heard = coder.decode(coder.encode(SILENCE_FRAME))
        assert len(heard) == 160
        assert np.abs(g711.decode(heard).astype(int)).max() <= 16


@pytest.mark.parametrize("codec", codecs.installed(), ids=lambda codec: codec.name)
@pytest.mark.parametrize("noise", [b"", b"\x00", b"\xff" * 7, EVERY_CODE * 5])
def test_noise_is_decoded_to_something(codec, noise):
    assert isinstance(codec().decode(noise), bytes)


def test_alaw_and_back_is_the_nearest_level():
    (alaw,) = codecs.named("pcma")
    there = g711.decode(EVERY_CODE).astype(int)
    back = g711.decode(alaw().decode(alaw().encode(EVERY_CODE))).astype(int)
    assert (np.abs(back - there) <= np.maximum(16, np.abs(there) // 16)).all()
    assert (np.sign(back) * np.sign(there) >= 0).all()


def test_alaw_of_the_standard():
    """ITU-T G.711 table 1a: the first and last levels of both signs."""
    assert list(g711.decode_alaw(b"\xd5\x55\xaa\x2a")) == [8, -8, 32256, -32256]


def test_names():
    assert [codec.name for codec in codecs.named("PCMA, pcmu,pcma")] == ["pcma", "pcmu"]
    with pytest.raises(ValueError, match="'g729' is none of"):
        codecs.named("pcmu,g729")


def test_what_is_spoken_of_those_that_somebody_names(monkeypatch):
    g722 = codecs.CODECS["g722"]
    assert [codec.name for codec in codecs.spoken(["g722", "pcma"])] == ["g722", "pcma"] and codecs.spoken([]) == ()
    monkeypatch.setattr(g722, "package", "a_package_that_is_not_there")
    assert [codec.name for codec in codecs.spoken(["g722", "pcma"])] == ["pcma"]
    with pytest.raises(ValueError, match=r"g722 needs `pip install callwright\[g722\]`"):
        codecs.spoken(["g722"])
