"""`truetpot check` without --model or --device: what the file says of both, in print and record."""

import json

import pytest

from tests.real_files import DATA
from tests.records.kept import exact
from tests.serving.readers.files import lines
from tests.serving.readers.llama_files import llama_bench_test
from truetpot.records.check import CheckRecord

A770 = "Intel(R) Arc(TM) A770 Graphics"
LLAMA = {
    "model_filename": "m.gguf",
    "model_type": "llama 7B Q4_0",
    "model_size": 3_825_065_984,
    "model_n_params": 6_738_415_616,
    "gpu_info": A770,
}
FLOOR_MS = 3_825_065_984 / 560e9 * 1e3
"""Above the floor by the embedding alone, 2 % of the file."""


@pytest.fixture
def checked(cli, tmp_path):
    """`truetpot check` on llama-bench's tests: what is printed, and the record."""

    def call(*tests, options=()):
        file, out = tmp_path / "bench.jsonl", tmp_path / "check.json"
        file.write_bytes(lines(*(llama_bench_test(**(LLAMA | test)) for test in tests)))
        done = cli("check", file, *options, "--json", out)
        assert done.code in (0, 1), done.err
        record = json.loads(out.read_text())
        exact(record, CheckRecord)
        return done.out, record

    return call


def test_a_file_alone(checked):
    printed, record = checked({})
    assert record["verdict"] == "believable"
    assert record["yardstick"] == "llama-2-7b q4_0, 3.83 GB of weights, on 1 x Intel Arc A770 16GB"
    assert len(record["yardstick_from"]) == 3
    head = " ".join(printed.partition("reported, ms")[0].split())
    assert record["yardstick"] in head
    for sentence in record["yardstick_from"]:
        assert sentence in head
    floor_ms = record["serving"]["floor_ms"]
    cache_ms = 64 * 32 * 2 * 4096 * 2 / 560e6
    assert 0.97 * FLOOR_MS < floor_ms - cache_ms < FLOOR_MS


def test_a_card_that_the_user_gives(checked):
    _, record = checked({"gpu_info": ""}, options=("--device", "arc-b580"))
    assert record["yardstick"].endswith("1 x Intel Arc B580")
    assert "from --device" in record["yardstick_from"][-1]


def test_a_size_without_a_known_name(checked):
    options = ("--device", "arc-a770")
    _, record = checked({"model_type": "glm4 9B Q4_0", "gpu_info": ""}, options=options)
    assert record["verdict"] == "believable"
    assert record["serving"]["floor_ms"] == pytest.approx(0.74 * FLOOR_MS)


def test_what_is_missing_is_said(checked):
    printed, record = checked({"gpu_info": "NVIDIA GeForce RTX 4090"})
    assert record["verdict"] == "undecidable"
    assert record["yardstick"] is None
    assert "give --device." in record["yardstick_from"][-1]
    assert "give --device." in printed


def test_each_run_is_held_against_its_own(checked):
    other = {"model_type": "qwen3 8B Q8_0", "model_size": 8_703_000_000}
    _, record = checked({}, other)
    first, second = (run["serving"]["floor_ms"] for run in record["runs"])
    assert second > 2 * first
    assert [run["yardstick"].split()[0] for run in record["runs"]] == ["llama-2-7b", "qwen3-8b"]


def test_faster_than_the_bytes_allow(checked):
    fast = {"avg_ns": 640_000_000, "samples_ns": [640_000_000], "avg_ts": 200.0}
    _, record = checked(fast)
    assert record["verdict"] == "impossible"


@pytest.mark.parametrize(
    "wrong", [("--format", "int5"), ("--kv-format", "int5"), ("--device", "arc-a771")]
)
def test_a_word_that_is_none_is_refused_whatever_the_file_says(cli, wrong):
    """Also where nothing else is known, so that no floor would be taken."""
    done = cli("check", DATA / "made" / "check" / "06b-same-run-as-vllm.json", *wrong)
    assert done.code == 2 and "known are" in done.sentence


def test_what_is_missing_is_named_in_the_first_lines(cli):
    file = DATA / "made" / "check" / "06b-same-run-as-vllm.json"
    why = cli("check", file, "--device", "arc-a770", "--json").record["serving"]["why"]
    assert why == (
        "Nothing in the file speaks against the figure, and nothing is there to hold it against."
        " Model: m is not a known one; give --model."
    )


def test_a_record_of_our_own(cli, tmp_path):
    record = tmp_path / "record.json"
    cli("check", DATA / "made" / "check" / "06b-same-run-as-vllm.json", "--json", record)
    done = cli("check", record)
    assert done.code == 2 and "is a record of truetpot itself" in done.sentence
