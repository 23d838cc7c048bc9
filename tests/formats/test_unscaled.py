"""What a format without scales is checked by: its own dtype, and never another format's bits."""

import ml_dtypes
import numpy as np
import pytest

from truetpot.errors import UserError
from truetpot.formats import codecs


class OwnBytes:
    """Someone's format: e4m3 as it stands, whose 0x7C is 384 where e5m2's is infinite."""

    def quantise(self, w, rounding):
        return w.astype(ml_dtypes.float8_e4m3fn).view(np.uint8), None


class Own(OwnBytes):
    dtype = np.dtype(ml_dtypes.float8_e4m3fn)


@pytest.fixture
def own(monkeypatch):
    def add(codec):
        monkeypatch.setitem(codecs._CODECS, "own", codec)
        monkeypatch.setattr(codecs, "_check_shape", lambda *_: None)

    return add


def test_large_numbers_of_another_byte_format_are_finite(own):
    own(Own())
    weight = codecs.quantise(np.full((2, 64), 384.0), "own")
    assert {*weight.codes.flat} == {0x7C}
    with pytest.raises(UserError, match="does not fit own"):
        codecs.quantise(np.full((2, 64), np.nan), "own")


def test_a_codec_without_scales_says_what_its_codes_are(own):
    own(OwnBytes())
    with pytest.raises(TypeError, match="own has no scales, and its codec no dtype"):
        codecs.quantise(np.ones((2, 64)), "own")


@pytest.mark.parametrize("wrong", [np.inf, -np.inf, np.nan, 1e6])
def test_e5m2_is_held_to_its_own_range(wrong):
    with pytest.raises(UserError, match="does not fit fp8_e5m2"):
        codecs.quantise(np.array([[1.0, wrong]]), "fp8_e5m2")
    assert codecs.quantise(np.array([[1.0, 57344.0]]), "fp8_e5m2").codes[0, 1] == 0x7B
