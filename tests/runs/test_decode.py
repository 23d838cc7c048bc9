"""A step, several points of it, and the logits of given tokens."""

import json

import numpy as np
import pytest

from truetpot.errors import UserError
from truetpot.records.decode import DecodeRecord
from truetpot.records.store import read_record
from truetpot.records.words import PointStatus
from truetpot.runs import decode, feed, sweep
from truetpot.runs.sweep_points import Points, find_points, means_need_points


class Heard(sweep.SweepWatch):
    """Keeps what it is told."""

    def __init__(self):
        self.told = []

    def planned(self, outcome, set_aside):
        self.told.append(("planned", outcome.plan.layers, set_aside))

    def begun(self, sweep):
        self.told.append(("begun", len(sweep.points)))

    def point(self, point):
        self.told.append((point.batch, point.context, point.status))

    def status(self, text):
        self.told.append(text)


def test_a_step_and_its_record(step, tmp_path, capfd):
    file = tmp_path / "step.json"
    heard = Heard()
    ended = decode.run(step(), str(file), heard)
    assert ended.valid and not ended.interrupted and ended.cause is None
    assert ended.record.finished and ended.record.rungs.step is not None
    written = read_record(file, DecodeRecord, "a record")
    assert written.step_timing.samples_s == ended.record.step_timing.samples_s
    assert heard.told[0] == ("planned", 3, 16 << 20)
    assert "checking the step and its kernels again" in heard.told
    assert capfd.readouterr() == ("", ""), "nothing of a run prints"


def test_an_interrupt_is_told_and_what_was_measured_is_there(step, monkeypatch):
    whole = decode.time_step

    def interrupted(*given):
        timings = whole(*given)
        timings.finished = False
        return timings

    monkeypatch.setattr(decode, "time_step", interrupted)
    ended = decode.run(step())
    assert ended.interrupted and ended.record.partial
    assert ended.record.rungs.step is not None


def test_a_fault_after_a_round_is_the_cause(step, monkeypatch):
    def fails(*given):
        raise LookupError("planted")

    monkeypatch.setattr(decode, "_wrong_since", fails)
    ended = decode.run(step())
    assert isinstance(ended.cause, LookupError)
    assert ended.record.partial and ended.record.rungs.step is not None


def test_a_record_that_cannot_be_written_is_the_cause(step, tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    heard = Heard()
    heard.planned = lambda outcome, set_aside: folder.rmdir()
    ended = decode.run(step(), str(folder / "step.json"), heard)
    assert "gone" in str(ended.cause)
    assert ended.record.finished, "what was measured is there all the same"


def test_points_on_one_set_of_weights(step):
    heard = Heard()
    ended = sweep.run(step(), Points((8, 20), (1,), None), watch=heard)
    assert [point.status for point in ended.record.points] == [PointStatus.OK] * 2
    assert ended.record.weights_shared > 0
    assert heard.told[0] == ("begun", 2)
    assert (1, 20, PointStatus.OK) in heard.told


def test_points_of_numbers():
    assert find_points((8,), (1,), None).single
    found = find_points((8, 20), (1, 2), "4+6")
    assert (found.request.prompt, found.request.output) == (4, 6)
    assert [(one.batch, one.context) for one in found.empty()] == [(1, 8), (1, 20), (2, 8), (2, 20)]
    with pytest.raises(UserError, match="--resume needs several points"):
        means_need_points(find_points((8,), (1,), None), None, True)


def test_logits_of_tokens(step):
    logits, record = feed.run(step(context=2), [1, 2, 3], "logits.npy")
    assert logits.shape == (3, 208) and logits.dtype == np.float32
    assert record.likeliest == logits.argmax(axis=1).tolist()
    assert record.logits == "logits.npy"
    with pytest.raises(UserError, match="ids are 0 to 207"):
        feed.run(step(context=2), [208])
    assert json.dumps(record.tokens) == "[1, 2, 3]"
