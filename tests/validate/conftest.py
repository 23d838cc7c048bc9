"""Runs whose tests are processes that do as they are told."""

import json
import shutil
from pathlib import Path

import pytest

from truetpot.records.validate import BaselineFigure, BaselineRecord
from truetpot.validate.plan import Level, Part, Test
from truetpot.validate.run import Ask, Run

NAME = "A card"
DEVICES = [{"device": f"xpu:{i}", "kind": "xpu", "name": NAME, "uuid": f"u{i}"} for i in range(3)]
TESTS = ("one", "two")


def baseline(value=100.0):
    """What figure ``rate`` of test ``one`` is on cards that are trusted."""
    figure = BaselineFigure(
        test="one", figure="rate", card=NAME, cards=3, value=value, unit="GB/s", better="higher"
    )
    return BaselineRecord(
        started="2026-11-30T19:00:00Z", command="", truetpot="0", level="quick", host="trusted",
        figures=[figure],
    )  # fmt: skip


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """``fake(plan, cards=1)``: a run of tests ``one`` and ``two`` on so many cards, not begun."""
    site = tmp_path / "site"
    site.mkdir()
    shutil.copy(Path(__file__).with_name("fake.py"), site / "fake_child.py")
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=":")

    def make(plan=None, cards=1, limit_s=60.0, done=(), together=False, **more):
        calls = tmp_path / "calls"
        shutil.rmtree(calls, ignore_errors=True)
        calls.mkdir()
        monkeypatch.setenv("FAKE", json.dumps({"devices": DEVICES[:cards], **(plan or {})}))
        monkeypatch.setenv("FAKE_CALLS", str(calls))
        tests = tuple(
            Test(
                name=name, about=name, on="card", do="look", quick=Part(0.1, limit_s),
                together=together,
            )
            for name in TESTS
        )
        ask = Ask(device="all", level=Level.QUICK, tests=tests, **more)
        written = []
        run = Run(ask, tmp_path, written.append, tuple(done), child="fake_child")
        run.written = written
        run.calls = lambda test, i=0: len((calls / f"{test}-xpu-{i}").read_text())
        run.find_devices()
        return run

    return make
