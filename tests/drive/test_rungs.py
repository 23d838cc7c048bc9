"""Ceiling and kernels of a ladder, where it was measured and elsewhere."""

import pytest

from tests.records.kept import KEPT
from truetpot.drive.rungs import rung_s
from truetpot.serving.measured import read_measured


@pytest.mark.parametrize("name", ["ceiling", "kernels"])
def test_a_rung_keeps_its_share_of_the_step(name):
    ladder = read_measured(KEPT / "decode-h200.json")
    (record,), yardstick = ladder.records, ladder.yardstick()
    at = rung_s(ladder, yardstick, name, record.context, record.batch)
    assert at == pytest.approx(record.rungs.get(name).ms_per_token / 1e3)
    deeper = rung_s(ladder, yardstick, name, 4 * record.context, record.batch)
    share = record.rungs.get(name).ms_per_token / record.rungs.step.ms_per_token
    assert deeper == pytest.approx(share * yardstick.step_s(4 * record.context, record.batch))
    assert deeper > at


def test_a_rung_that_the_ladder_lacks():
    ladder = read_measured(KEPT / "decode-h200.json")
    assert rung_s(ladder, ladder.yardstick(), "eager-not-there", 1024, 1) is None
