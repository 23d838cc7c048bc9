"""Two servers in alternation, one of them restarted by a command, interrupted and gone on with."""

import sys

import pytest

from tests.drive.faulty import Faulty, running
from tests.drive.live import need_engine
from tests.records.kept import exact, written
from truetpot.drive.aiperf import AIPerf
from truetpot.drive.arms import ready
from truetpot.drive.plan import Arm, Asked
from truetpot.drive.session import Watch, drive
from truetpot.errors import UserError
from truetpot.records.drive import DriveRecord
from truetpot.records.store import read_record
from truetpot.records.words import PointStatus
from truetpot.stats.compare import Comparison

pytest.importorskip("openai")
FAST_MS, SLOW_MS = 20, 60
TOUCH = f"{sys.executable} -c \"open('{{}}', 'a').write('x')\""


def asked_for(arms, folder, out, **more):
    given = {
        "served": None, "inputs": (200,), "output": 30, "concurrency": (1,), "rounds": 2,
        "requests": 2, "ladder": None, "tokenizer": folder, "endpoint": "completions",
        "engine": "aiperf", "resume": False, "anyway": False, "calibrate": False, "timeout_s": 60,
    } | more  # fmt: skip
    return Asked(arms=arms, out=out, **given)


class Interrupts(Watch):
    """As Ctrl-C does, before a point."""

    def __init__(self, after):
        self.after = after

    def begins(self, step):
        self.after -= 1
        if self.after < 0:
            raise KeyboardInterrupt


@pytest.mark.drive
@pytest.mark.slow
def test_a_slower_server_is_found_by_its_rounds(tmp_path, folder, tokenizer):
    """Three times as slow: told by the ratio, whatever else this machine does. Ctrl-C after the
    second point keeps both, and the run goes on from there."""
    need_engine(AIPerf())
    out, marks = tmp_path / "out", tmp_path / "marks"
    with (
        running(Faulty(tokenizer, pace_s=FAST_MS / 1e3)) as fast,
        running(Faulty(tokenizer, "doubled", after=10**6, pace_s=SLOW_MS / 1e3)) as slow,
    ):
        arms = (Arm("fast", fast), Arm("slow", slow, TOUCH.format(marks)))
        with pytest.raises(KeyboardInterrupt):
            drive(asked_for(arms, folder, out), Interrupts(2))
        kept = read_record(out / "record.json", DriveRecord, "a record")
        statuses = [point.status for point in kept.points]
        assert statuses == [PointStatus.OK] * 2 + [PointStatus.NOT_RUN] * 2 and kept.partial
        record = drive(asked_for(arms, folder, out, resume=True))
    exact(written(record), DriveRecord)
    assert record.points[:2] == kept.points[:2] and not record.partial
    order = [(point.round, point.arm) for point in record.points]
    assert order == [(0, "fast"), (0, "slow"), (1, "slow"), (1, "fast")]
    (row,) = record.differences
    assert (row.arm, row.against, row.rounds) == ("slow", "fast", 2)
    assert row.ratio == pytest.approx(SLOW_MS / FAST_MS, rel=0.3)
    assert row.says in (Comparison.SLOWER, Comparison.UNDECIDED)
    assert [arm.differs_at for arm in record.arms] == [None, None]
    assert len(marks.read_text()) == 2  # at the start of each run: nothing else takes its place


def test_a_restart_that_fails_is_said(tokenizer):
    with running(Faulty(tokenizer)) as url, pytest.raises(UserError, match="a ends with 3; run it"):
        ready(Arm("a", url, "exit 3"), None)


def test_a_restart_that_does_not_come_back_is_ended(tokenizer):
    with running(Faulty(tokenizer)) as url, pytest.raises(UserError, match="in the background"):
        ready(Arm("a", url, "sleep 60"), None, starts_s=0.2)


def test_a_server_that_does_not_come_up_is_waited_for():
    with pytest.raises(UserError, match="cannot be reached"):
        ready(Arm("a", "http://127.0.0.1:9/v1", "true"), None, starts_s=0.2)
