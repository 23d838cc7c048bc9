"""The tool that falsifies a baseline says where a run fails, and fails where that is wrong."""

import importlib.util
from pathlib import Path

import pytest

from tests.validate.made import FIGURES, record
from truetpot.records.store import write_record

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "falsify_baseline.py"
RECORDS = ROOT / "tests" / "data" / "made" / "records"


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location("falsify_baseline", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_figure_fails_alone(tool, tmp_path, capsys):
    write_record(record(), tmp_path / "v.json")
    assert tool.main([str(tmp_path / "v.json")]) == 0
    shown = capsys.readouterr().out
    assert shown.count("it alone") == len(FIGURES)
    assert f"{len(FIGURES)} of {len(FIGURES)} figures fail alone" in shown


def test_every_figure_of_a_real_run_fails_alone(tool, capsys):
    """`truetpot validate --device cuda --level medium` on one NVIDIA H200."""
    assert tool.main([str(RECORDS / "validate-h200.json")]) == 0
    assert "13 of 13 figures fail alone" in capsys.readouterr().out


def test_what_is_not_seen_is_told(tool, tmp_path, capsys):
    write_record(record(), tmp_path / "v.json")
    assert tool.main([str(tmp_path / "v.json"), "0.04"]) == 1  # within what equal cards differ by
    assert "0 of" in capsys.readouterr().out


def test_a_sick_machine_is_no_baseline(tool, tmp_path, capsys):
    write_record(record(changed={(0, "bandwidth", "read"): 0.5}), tmp_path / "v.json")
    assert tool.main([str(tmp_path / "v.json")]) == 2
    assert "it is no baseline" in capsys.readouterr().err
