"""``truetpot check FOLDER``: one row a run, the farthest from its floor first, and slopes."""

import json
import os
import shutil

import pytest

from tests.real_files import DATA

MADE = DATA / "made" / "check"
LINE = {
    "build_commit": "abc1234", "build_number": 9000, "cpu_info": "c", "gpu_info": "Arc",
    "backends": "SYCL", "model_filename": "llama-2-7b.Q4_0.gguf", "model_type": "llama 7B Q4_0",
    "model_size": 3825065984, "model_n_params": 6738415616, "n_batch": 2048, "n_ubatch": 512,
    "n_threads": 8, "n_prompt": 0, "n_gen": 128, "test_time": "2026-09-01T00:00:00Z",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "results"
    (path / "below").mkdir(parents=True)
    lines = []
    for depth in (0, 4096, 16384):
        each_ns = 25e6 + depth * 1e3  # 1 ms more for each thousand tokens
        times = {"avg_ns": round(128 * each_ns), "samples_ns": [round(128 * each_ns)] * 3}
        rates = {"avg_ts": 1e9 / each_ns, "samples_ts": [1e9 / each_ns] * 3, "stddev_ts": 0.0}
        lines.append(json.dumps(LINE | {"n_depth": depth, "stddev_ns": 0} | times | rates))
    (path / "below" / "depth.jsonl").write_text("\n".join(lines))
    shutil.copy(MADE / "06b-same-run-as-vllm.json", path)
    (path / "notes.txt").write_text("nothing")
    (path / ".hidden.json").write_text("{}")
    return path


def test_a_row_a_run_and_the_slope(cli, folder):
    done = cli("check", folder, "--device", "arc-a770", "--json")
    assert done.code == 0, done.err
    runs = done.record["runs"]
    assert len(runs) == 4
    assert {run["file"].rpartition("/")[2] for run in runs} == {
        "depth.jsonl", "06b-same-run-as-vllm.json"
    }  # fmt: skip
    (slope,) = done.record["slopes"]
    assert (slope["over"], slope["runs"]) == ("depth", 3)
    assert slope["ms_per_step"] == pytest.approx(1.0, rel=1e-3)
    assert 0 < slope["floor_ms_per_step"] < 1.0


def test_the_farthest_comes_first(cli, folder):
    done = cli("check", folder, "--device", "arc-a770")
    text = done.out
    assert text.count("depth.jsonl") == 3
    places = [text.index(f"depth.jsonl line {line}") for line in (1, 2, 3)]
    # 25 ms is 3.66 times the floor of the weights, and what a depth adds 1.07 times its own
    assert places == sorted(places)
    assert "left out" in text and "notes.txt" in text
    assert ".hidden" not in text
    assert "each 1,000 tokens of context adds 1.000 ms to 2" in " ".join(text.split())


def test_two_files_give_the_table_too(cli, folder):
    done = cli("check", folder / "below" / "depth.jsonl", folder / "06b-same-run-as-vllm.json")
    assert done.code == 0
    assert "depth.jsonl line 1" in done.out and "06b-same-run-as-vllm.json" in done.out


def test_a_folder_without_a_result(cli, tmp_path):
    (tmp_path / "x.txt").write_text("x")
    done = cli("check", tmp_path)
    assert done.code == 2
    assert "no result of a serving benchmark in" in done.sentence


def test_a_file_that_was_named_has_to_be_one(cli, folder):
    done = cli("check", folder / "notes.txt", folder / "06b-same-run-as-vllm.json")
    assert done.code == 2
    assert "notes.txt is no result file" in done.sentence


def test_relative_and_absolute_paths_in_one_call(cli, folder, monkeypatch):
    monkeypatch.chdir(folder)
    done = cli("check", "06b-same-run-as-vllm.json", folder / "below" / "depth.jsonl")
    assert done.code == 0, done.err
    assert "below/depth.jsonl line 1" in done.out
    # with nothing in common but the root, as they were given
    other, above = MADE / "20-aiperf.csv", os.path.commonpath([folder, MADE])
    done = cli("check", "06b-same-run-as-vllm.json", other)
    shown = other if above == os.sep else other.relative_to(above)
    assert str(shown) in "".join(done.out.split())
