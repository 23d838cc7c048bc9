"""Generated files of every tool: clean ones are found clean and believed, each mechanism is named.

A few runs of every shape here; ``exhaustive`` has many of them, and test_generated_mechanisms.py
those of the mechanisms.
"""

import pytest

from tests.serving.generated import CLEAN, FEW, MANY, cases, judged
from truetpot.records.verdicts import Verdict
from truetpot.serving.verdict import SAME_BATCH


def is_clean(folder, shape, mechanism, seed):
    alone = judged(folder, shape, mechanism, seed, with_ladder=False)
    assert alone.clean, (seed, alone.above_info)
    assert alone.serving.verdict is Verdict.UNDECIDABLE, (seed, alone.serving.why)
    held = judged(folder, shape, mechanism, seed)
    assert held.clean, (seed, held.above_info)
    if held.figure_is_decode:
        assert held.serving.verdict is Verdict.BELIEVABLE, (seed, held.serving.why)
    batch = held.made.truth.batch
    if held.figure_is_decode and 1 / SAME_BATCH < round(batch) / batch < SAME_BATCH:
        beside = judged(folder, shape, mechanism, seed, with_step=True)
        assert beside.clean, (seed, beside.above_info)


@pytest.mark.parametrize(("shape", "mechanism"), cases(CLEAN))
def test_nothing_is_found_in_a_clean_file(tmp_path, shape, mechanism):
    for seed in range(FEW):
        is_clean(tmp_path, shape, mechanism, seed)


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize(("shape", "mechanism"), cases(CLEAN, many=True))
def test_nothing_is_found_in_many_clean_files(tmp_path, shape, mechanism):
    for seed in range(MANY):
        is_clean(tmp_path, shape, mechanism, seed)
