"""Draft tokens of speculative decoding, as each tool writes them: 1,000 steps of three drafted
tokens, of which 80, 40 and 20 % are accepted, so 2.4 tokens a step."""

import json

import pytest

from tests.serving.readers.aiperf_files import aiperf_summary
from tests.serving.readers.evalscope_files import OF_1_14
from tests.serving.readers.files import read_bytes, read_json
from tests.serving.readers.llama_files import llama_server_answer, llama_server_lines
from tests.serving.readers.trtllm_bench_files import PRINTED, report, statistics
from tests.serving.readers.vllm_files import in_2026, sweep_csv
from tests.serving.readers.vllm_table_files import NEW, table
from truetpot.report.pair import drafts_of
from truetpot.serving.readers.drafts import shares
from truetpot.serving.records import Drafts

COUNTERS = {
    "spec_decode_acceptance_rate": 100 * 1400 / 3000,
    "spec_decode_acceptance_length": 2.4,
    "spec_decode_num_drafts": 1000,
    "spec_decode_draft_tokens": 3000,
    "spec_decode_accepted_tokens": 1400,
    "spec_decode_per_position_acceptance_rates": [0.8, 0.4, 0.2],
}
WHOLE = Drafts(
    "spec_decode_acceptance_rate", 1000, 3000, 1400, pytest.approx(1400 / 3000), (0.8, 0.4, 0.2)
)


def test_vllm(tmp_path):
    (run,) = read_json(tmp_path, in_2026(**COUNTERS))
    assert run.drafts == WHOLE
    assert run.drafts.tokens_per_step == pytest.approx(run.setting.tokens_per_step)
    assert drafts_of(run) == (
        "Speculation: 2.400 tokens a step, 46.7 % of 3,000 drafted tokens accepted, by position"
        " 80.0, 40.0, 20.0 %, 1,000 steps (spec_decode_acceptance_rate)."
    )


def test_vllm_sweep(tmp_path):
    (run,) = read_bytes(tmp_path, sweep_csv(in_2026(**COUNTERS)))
    assert run.drafts == WHOLE


def test_vllm_table(tmp_path):
    rows = NEW | {
        "Acceptance rate (%):": "46.67",
        "Drafts:": "1000",
        "Draft tokens:": "3000",
        "Accepted tokens:": "1400",
        "Per-position acceptance (%):": "",
        "  Position 0:": "80.00",
        "  Position 1:": "40.00",
        "  Position 2:": "20.00",
    }
    (run,) = read_bytes(tmp_path, table(rows).encode())
    assert run.drafts == Drafts("Acceptance rate (%)", 1000, 3000, 1400, 0.4667, (0.8, 0.4, 0.2))


def test_what_contradicts_the_length_is_shown(tmp_path):
    (run,) = read_json(tmp_path, in_2026(**COUNTERS | {"spec_decode_acceptance_length": 3.4}))
    assert "3.400 tokens a step, by its steps and positions 2.400," in drafts_of(run)


@pytest.mark.parametrize(
    "wrong",
    [
        {"spec_decode_per_position_acceptance_rates": [80, 40, 20]},
        {"spec_decode_per_position_acceptance_rates": ["0.8"]},
        {"spec_decode_per_position_acceptance_rates": [0.5] * 65},
        {"spec_decode_per_position_acceptance_rates": 0.8},
        {"spec_decode_per_position_acceptance_rates": [0.5, None]},
        {"spec_decode_per_position_acceptance_rates": [10**400, 0.5]},
    ],
)
def test_shares_that_are_none(tmp_path, wrong):
    (run,) = read_json(tmp_path, in_2026(**COUNTERS | wrong))
    assert run.drafts.by_position == () and run.drafts.steps == 1000


@pytest.mark.parametrize("cell", ["[1" + "0" * 400 + "]", "[true]", '["0.5"]', "0.5", "[[[", ""])
def test_cells_that_hold_no_shares(cell):
    assert shares(cell) == []


def test_more_accepted_than_drafted(tmp_path):
    changed = {"spec_decode_accepted_tokens": 3001, "spec_decode_acceptance_rate": 146}
    (run,) = read_json(tmp_path, in_2026(**COUNTERS | changed))
    assert (run.drafts.drafted, run.drafts.accepted, run.drafts.rate) == (None, None, None)


def test_nothing_said(tmp_path):
    said = in_2026()
    for key in COUNTERS:
        said.pop(key)
    (run,) = read_json(tmp_path, said)
    assert run.drafts is None and drafts_of(run) == ""


def test_llama_server(tmp_path):
    answer = llama_server_answer(draft_n=10, draft_n_accepted=6)
    (run,) = read_json(tmp_path, [answer, answer])
    assert run.drafts == Drafts("timings.draft_n", None, 20, 12, 0.6, ())
    # drafts of which none was accepted are speculation too
    (run,) = read_json(tmp_path, llama_server_answer(draft_n=10, draft_n_accepted=0))
    assert (run.setting.tokens_per_step, run.drafts.rate) == (1.0, 0.0)
    assert "0.0 % of 10 drafted tokens accepted" in drafts_of(run)


def test_llama_log(tmp_path):
    """Two requests, of 1,000 and 500 steps; positions weigh as their steps do."""

    def one(task, tokens, accepted, length, shares):
        head = f"slot print_timing: id  0 | task {task} | "
        lines = [head + line for line in llama_server_lines(200.0, 20, 25.0 * tokens, tokens)]
        lines.append(
            f"{head}draft acceptance = 0.5 ( {accepted} accepted /  3000 generated), mean len ="
            f"  {length}"
        )
        return [*lines, f"{head}     acc per pos = ({shares})"]

    lines = one(1, 2400, 1400, "2.40", "0.800, 0.400, 0.200") + one(2, 750, 250, "1.50", "0.500")
    (run,) = read_bytes(tmp_path, ("\n".join(lines) + "\n").encode())
    assert run.drafts.accepted == 1650 and run.drafts.drafted == 6000
    assert run.drafts.by_position == pytest.approx((0.7, 0.8 / 3, 0.4 / 3))
    assert run.setting.tokens_per_step == pytest.approx(3150 / 1500)
    # a log at the default level has no positions
    short = [line for line in lines if "acc per pos" not in line]
    assert read_bytes(tmp_path, ("\n".join(short) + "\n").encode())[0].drafts.by_position == ()


def test_trtllm_bench(tmp_path):
    rates = {"draft_acceptance_rate_percentiles": statistics(0.62, 0.1, 0.9)}
    (run,) = read_json(tmp_path, report(decoding_stats={"mode": "MTP", **rates}))
    assert run.drafts == Drafts("draft_acceptance_rate_percentiles", rate=0.62)
    lines = "[DAR] MINIMUM: 0.10\n[DAR] AVERAGE: 0.62\n[AL] AVERAGE: 2.86\n"
    (run,) = read_bytes(tmp_path, (PRINTED + lines).encode())
    assert (run.drafts, run.setting.tokens_per_step) == (Drafts("[DAR] AVERAGE", rate=0.62), 2.86)


def test_aiperf(tmp_path):
    totals = {
        "total_decode_iterations": 1000, "total_draft_tokens": 3000,
        "total_accepted_draft_tokens": 1400, "overall_acceptance_length": 2.4,
        "overall_draft_acceptance_rate": 1400 / 3000,
    }  # fmt: skip
    tables = {key: {"unit": "tokens", "avg": value} for key, value in totals.items()}
    (run,) = read_json(tmp_path, aiperf_summary() | tables)
    assert run.setting.tokens_per_step == 2.4
    assert run.drafts == Drafts("total_draft_tokens", 1000, 3000, 1400, pytest.approx(1400 / 3000))


def test_a_number_is_no_list(tmp_path):
    row = in_2026(**COUNTERS)
    row["spec_decode_per_position_acceptance_rates"] = json.dumps({"0": 0.8})
    (run,) = read_bytes(tmp_path, sweep_csv(row))
    assert run.drafts.by_position == ()


@pytest.mark.parametrize("key", ["Avg Decoded Tok/Iter", "Decoded Tok/Iter"])
def test_evalscope(tmp_path, key):
    """Whatever it called the tokens a step, by its age."""
    said = OF_1_14
    said = {name: value for name, value in said.items() if "Decoded" not in name} | {key: 2.5}
    (run,) = read_json(tmp_path, said)
    assert run.setting.tokens_per_step == 2.5
    assert drafts_of(run) == "Speculation: 2.500 tokens a step."
