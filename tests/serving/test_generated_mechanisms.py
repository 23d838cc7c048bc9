"""Each mechanism is named in each form of file that can show it, or the verdict is undecided."""

import pytest

from tests.serving.generate.make import mechanisms
from tests.serving.generated import CLEAN, FEW, MANY, cases, judged

NAMES = [name for name in mechanisms() if name not in CLEAN]
NEARLY_ALL = 0.99


@pytest.mark.parametrize(("shape", "mechanism"), cases(NAMES))
def test_a_mechanism_is_named(tmp_path, shape, mechanism):
    for seed in range(FEW):
        found = judged(tmp_path, shape, mechanism, seed)
        assert found.recognised, (seed, found.above_info, found.serving.why)
        assert not found.believed_wrongly, (seed, found.off)
        assert not found.accused_wrongly, (seed, found.serving.why, found.off)


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize(("shape", "mechanism"), cases(NAMES, many=True))
def test_a_mechanism_is_named_in_many_files(tmp_path, shape, mechanism):
    """In all but one of a hundred, and there nothing else is claimed."""
    recognised = 0
    for seed in range(MANY):
        found = judged(tmp_path, shape, mechanism, seed)
        recognised += found.recognised
        assert found.recognised or found.undecided, (seed, found.above_info, found.serving.why)
        assert not found.believed_wrongly, (seed, found.off)
        assert not found.accused_wrongly, (seed, found.serving.why, found.off)
    assert recognised >= NEARLY_ALL * MANY
