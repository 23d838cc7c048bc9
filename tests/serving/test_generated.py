"""Generated files of every tool: clean ones are found clean and believed, with the right batch.

A few runs of every shape, and ``exhaustive`` many of them; test_generated_mechanisms.py has the
mechanisms.
"""

from pathlib import Path

import pytest

import truetpot.serving.tools
from tests.serving.generate.make import shapes
from tests.serving.generated import CLEAN, FEW, MANY, NO_BATCH, cases, judged
from truetpot.records.verdicts import Verdict

TOOLS = Path(truetpot.serving.tools.__file__).parent


def is_clean(folder, shape, mechanism, seed):
    alone = judged(folder, shape, mechanism, seed, with_ladder=False)
    assert alone.clean, (seed, alone.above_info)
    assert alone.serving.verdict is Verdict.UNDECIDABLE, (seed, alone.serving.why)
    held = judged(folder, shape, mechanism, seed)
    assert held.clean, (seed, held.above_info)
    if held.figure_is_decode:
        assert held.serving.verdict is Verdict.BELIEVABLE, (seed, held.serving.why)
    assert not held.believed_wrongly, (seed, held.off)


@pytest.mark.parametrize(("shape", "mechanism"), cases(CLEAN))
def test_nothing_is_found_in_a_clean_file(tmp_path, shape, mechanism):
    for seed in range(FEW):
        is_clean(tmp_path, shape, mechanism, seed)


def test_every_tool_has_its_generated_files(tmp_path):
    known = {path.stem for path in TOOLS.glob("*.toml")}
    assert known
    assert known == {judged(tmp_path, shape, "clean", 1).checked.run.tool for shape in shapes()}


@pytest.mark.parametrize(("shape", "mechanism"), cases(("clean",), of="batch"))
def test_the_batch_of_a_clean_file(tmp_path, shape, mechanism):
    for seed in range(FEW):
        found = judged(tmp_path, shape, mechanism, seed)
        if shape not in NO_BATCH:
            assert found.batch_is_right, (seed, found.serving.batch.value, found.made.truth.batch)


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize(("shape", "mechanism"), cases(CLEAN, many=True))
def test_nothing_is_found_in_many_clean_files(tmp_path, shape, mechanism):
    for seed in range(MANY):
        is_clean(tmp_path, shape, mechanism, seed)
