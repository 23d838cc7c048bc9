"""The client against the stub: how exact it is, and late where it cannot follow."""

import pytest

from tests.drive.live import need_engine
from truetpot.drive.aiperf import AIPerf
from truetpot.drive.calibrate import ALONE, TOGETHER, against_stub

pytestmark = [pytest.mark.drive, pytest.mark.timing]


@pytest.mark.parametrize(("streams", "limit"), [(1, ALONE), (64, TOGETHER)])
def test_the_client_sees_a_pace_of_20_ms(tmp_path, streams, limit):
    need_engine(AIPerf())
    row = against_stub(AIPerf(), streams, 0.02, tmp_path / "run")
    assert row.seen_ms == pytest.approx(row.sent_ms, rel=limit) and not row.late
    assert row.sent_ms == pytest.approx(20, rel=0.2)


def test_a_pace_that_no_client_here_can_follow(tmp_path):
    """640,000 tokens a second: the stub cannot send them either."""
    need_engine(AIPerf())
    assert against_stub(AIPerf(), 64, 1e-4, tmp_path / "run").late
