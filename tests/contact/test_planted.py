"""Every step fails in every way that a driver has, and the archive is whole."""

import json
import shutil
from pathlib import Path

import msgspec
import pytest

from truetpot.contact.archive import read_archive
from truetpot.contact.redact import Redactor
from truetpot.contact.run import Contact
from truetpot.contact.steps import Known, load_steps
from truetpot.records.providers import KernelEntry
from truetpot.records.words import StepOutcome

KINDS = ("segfault", "exception", "exit", "memory", "hang")
HANGS_S = 10
NUMBA = KernelEntry(
    op="silu_mul", provider="numba", available=True, reason="", note="", source="silu_mul/numba.py"
)


@pytest.fixture
def plant(tmp_path, monkeypatch):
    """A run of the real steps on the CPU, with a failure by step."""
    site = tmp_path / "site"
    site.mkdir()
    shutil.copy(Path(__file__).with_name("planted.py"), site / "sitecustomize.py")
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=":")

    def run(steps, kinds, hangs_s=HANGS_S, all_s=6000.0):
        monkeypatch.setenv("PLANTED", json.dumps(kinds))
        made = [
            msgspec.structs.replace(
                one, needs="", limit_s=hangs_s if _kind(one, kinds) == "hang" else 240.0
            )
            for one in steps
        ]
        work = tmp_path / "work"
        work.mkdir()
        here = ({"name": "a CPU", "kind": "cpu"},)
        known = Known("cpu", True, work / "compiled", here, (NUMBA,))
        redactor = Redactor.of_this_machine(work)
        contact = Contact(tuple(made), known, work, tmp_path / "a.zip", all_s, redactor)
        rows = list(contact.run())
        archive = read_archive(tmp_path / "a.zip")
        assert archive.manifest.steps == rows
        assert not archive.manifest.partial
        return {row.name: row for row in rows}

    return run


def _kind(step, kinds):
    return kinds.get(step.name) or kinds.get(f"{step.name}-numba")


@pytest.mark.slow
@pytest.mark.parametrize(
    "first", [0, *(pytest.param(i, marks=pytest.mark.exhaustive) for i in range(1, 5))]
)
def test_every_step(plant, first):
    """Step i fails in way i + ``first``, round and round: five runs are every step in every way."""
    steps = load_steps()
    names = [f"{one.name}-numba" if one.each else one.name for one in steps]
    kinds = {name: KINDS[(i + first) % len(KINDS)] for i, name in enumerate(names)}
    rows = plant(steps, kinds)
    assert list(rows) == names
    for name, kind in kinds.items():
        row = rows[name]
        if kind == "hang":
            assert row.outcome is StepOutcome.HUNG
            assert row.seconds >= HANGS_S
            assert "time.sleep" in row.traceback or "in fail" in row.traceback
        elif kind == "segfault":
            assert (row.outcome, row.code) == (StepOutcome.CRASHED, -11)
            assert row.said == "ended by SIGSEGV"
            assert "Segmentation fault" in row.traceback and "in fail" in row.traceback
        elif kind == "exit":
            assert (row.outcome, row.code) == (StepOutcome.CRASHED, 3)
            assert row.said == "ended the process with exit code 3"
        elif kind == "exception":
            assert row.outcome is StepOutcome.CRASHED
            assert "LookupError: planted" in row.said + row.traceback
            assert "in fail" in row.traceback
        else:
            assert row.outcome in (StepOutcome.REFUSED, StepOutcome.CRASHED)
            assert "MemoryError: planted" in row.traceback


def test_nothing_planted(plant):
    """The way of the failures is no failure by itself."""
    first = load_steps()[:1]
    (row,) = plant(first, {}).values()
    assert row.code == 0 or row.outcome is StepOutcome.INVALID  # what doctor says of this machine
    assert not row.traceback


def test_the_time_for_all_is_over(plant):
    """A step that is ended for the others' sake has not hung, and those after it are named."""
    steps = load_steps()[:3]
    rows = plant(steps, {"providers": "hang"}, hangs_s=240.0, all_s=12.0)
    assert rows["machine"].outcome in (StepOutcome.OK, StepOutcome.INVALID)
    assert rows["providers"].outcome is StepOutcome.OUT_OF_TIME
    assert rows["events"].outcome is StepOutcome.NOT_RUN
    assert "minutes for all steps are over" in rows["events"].said
