"""InferenceX: seconds without a unit in the key, throughputs by card."""

import pytest

from tests.serving.readers.files import figures, read_json
from tests.serving.readers.inferencex_files import (
    agg,
    agg_of_2025,
    agg_of_late_2026,
    agg_of_two_nodes,
)
from truetpot.errors import UserError
from truetpot.serving.records import Metric


def test_one_node(tmp_path):
    (run,) = read_json(tmp_path, agg())
    assert (run.tool, run.variant, run.place) == ("inferencex", "agg, vllm", "")
    assert figures(run) == {
        (Metric.TTFT, "mean"): 0.1,
        (Metric.TTFT, "median"): 0.1,
        (Metric.TTFT, "p99.9"): 0.2,
        (Metric.TPOT, "mean"): 0.02,
        (Metric.TPOT, "median"): 0.02,
        (Metric.TPOT, "p99"): 0.021,
        (Metric.ITL, "mean"): 0.02,
        (Metric.ITL, "std"): 0.001,
        (Metric.E2E, "mean"): 2.1,
    }
    assert {each.unit for each in run.figures} == {"s"}
    assert run.totals.output_tokens_per_s == pytest.approx(8 * 48.1)
    assert run.totals.total_tokens_per_s == pytest.approx(8 * 96.2)
    assert run.totals.completed is None and run.totals.output_tokens == {}
    setting = run.setting
    assert (setting.model, setting.device, setting.devices) == ("openai/gpt-oss-120b", "b200", 8)
    assert (setting.input_tokens, setting.output_tokens) == (None, None)
    assert (setting.input_range, setting.output_range) == ((1, 1024), (1, 1024))
    assert (setting.max_concurrency, setting.weight_format) == (16, "fp4")
    assert len(run.notes) == 1 and "upper ends" in run.notes[0]


def test_prefill_and_decode_on_cards_of_their_own(tmp_path):
    first, second = read_json(tmp_path, [agg(), agg_of_two_nodes()])
    assert (first.place, second.place) == ("[0]", "[1]")
    assert second.totals.output_tokens_per_s == pytest.approx(16 * 48.1), "by the decoding cards"
    assert second.totals.total_tokens_per_s == pytest.approx(20 * 96.2)
    assert second.setting.devices == 16
    assert any("Speculative decoding (mtp)" in note for note in second.notes)


def test_the_first_form(tmp_path):
    (run,) = read_json(tmp_path, agg_of_2025())
    assert run.figure(Metric.TPOT, "mean") == 0.02 and run.setting.output_tokens is None
    assert len(run.notes) == 1 and "Speculative decoding (on)" in run.notes[0]


def test_counts_and_cards_of_late_2026(tmp_path):
    (run,) = read_json(tmp_path, agg_of_late_2026())
    assert (run.totals.attempted, run.totals.completed, run.totals.failed) == (100, 98, 2)
    assert run.setting.devices == 16
    assert run.totals.output_tokens_per_s == pytest.approx(16 * 48.1)


@pytest.mark.parametrize("key", ["pp", "pcp_size"])
def test_parallelism_that_leaves_the_cards_open(tmp_path, key):
    (run,) = read_json(tmp_path, agg(**{key: 2}))
    assert run.setting.devices is None and run.totals.output_tokens_per_s is None
    (run,) = read_json(tmp_path, agg(**{key: 1}))
    assert run.setting.devices == 8


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (agg(mean_tpot="fast"), "mean_tpot"),
        ([agg(), {"hw": "b200"}], r"\[1\].*no result of InferenceX"),
        ({"hw": "b200", "conc": 1, "framework": "vllm", "precision": "fp8"}, "no result file"),
    ],
)
def test_refused(tmp_path, given, words):
    with pytest.raises(UserError, match=words):
        read_json(tmp_path, given)
