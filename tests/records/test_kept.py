"""Records of before are read by their types, and are written as they were.

With this and ``exact`` on what the commands write today, the JSON of today has the fields of then,
and those that are named here.
"""

import json

import msgspec
import pytest

from tests.records.kept import FILES, KEPT, load, same_order, written
from truetpot.records.page import RECORDS
from truetpot.records.store import read_record
from truetpot.records.tuned import ProgressLine, TunedEntry
from truetpot.tune.progress import read_log
from truetpot.tune.store import dump, put
from truetpot.tune.store import load as load_tuned

ADDED = {
    ("check", "step_from"),
    ("isa", "without_entry"),
    ("validate", "seconds"),
    ("sweep", "query_tokens"),
    ("decode", "own_median_ms"),
    ("decode", "at_step_s"),
    ("kernels", "share_ci"),
    ("kernels", "over_best_ci"),
    ("kernels", "order"),
    ("kernels", "ceiling_gb_s"),
    ("kernels", "origin"),
    ("kernels", "asked"),
    ("kernels", "time_over_first"),
    ("kernels", "over_first_ci"),
    ("kernels", "order_to_first"),
    ("kernels", "origin_case"),
    ("decode", "origin"),
    ("decode", "origin_case"),
    ("decode", "bound_by"),
    ("decode", "operations"),
    ("decode", "gemm"),
    ("kernels", "bound_by"),
    ("kernels", "ceiling_tflops"),
    ("kernels", "gemm"),
    ("tune", "gemm"),
    ("floor", "dtype"),
    ("floor", "operations"),
    ("floor", "tflops"),
    ("floor", "operations_ms"),
    ("floor", "bound_by"),
    ("collectives", "warnings"),
    ("tune", "compiled"),
    ("doctor", "left_out"),
    ("doctor", "started"),
    ("doctor", "hostname"),
    ("doctor", "machine_id"),
    ("doctor", "container"),
    ("doctor", "others"),
    ("doctor", "wsl"),
    ("doctor", "dxg"),
    ("doctor", "dxcore"),
    ("doctor", "render_group"),
    ("doctor", "rated_by"),
    ("doctor", "kind"),
    ("check", "batch_range"),
    ("check", "file"),
    ("check", "slopes"),
    ("check", "drafts"),
    ("check", "pairs"),
    ("check", "low_lengths"),
    ("check", "tokens_a_message"),
    ("check", "reported_from"),
    ("check", "tool_version"),
    ("check", "device"),
    ("check", "devices"),
    ("check", "kv_format"),
    ("check", "depth"),
    ("check", "tokens_per_chunk"),
    ("check", "range_ratio"),
    ("check", "cached_tokens"),
    ("check", "idle_share"),
    ("check", "input_range"),
    ("check", "output_range"),
    ("check", "yardstick"),
    ("check", "yardstick_from"),
    ("isa", "config"),
    ("isa", "macros"),
    ("isa", "options"),
    ("isa", "source_digest"),
    ("isa", "opcodes"),
    ("isa", "scratch_messages"),
    ("isa", "work_groups"),
    ("isa", "sub_groups"),
    ("isa", "turns"),
    ("isa", "passes"),
    ("isa", "kernel_bytes"),
    ("isa", "outside_loop"),
    ("isa", "requested_bytes"),
    ("isa", "threads"),
    ("isa", "threads_by"),
    ("isa", "in_flight_bytes"),
    ("isa", "needed_bytes"),
    ("isa", "alone_clocks"),
    ("isa", "local_clocks"),
    ("isa", "bank_conflicts"),
    ("isa", "products_per_weight"),
    ("isa", "latency_over_memory"),
    ("isa", "local_over_memory"),
    ("isa", "faults"),
    ("isa", "not_followed"),
    ("isa", "partial"),
    ("isa", "configurations"),
    ("isa", "compilations"),
    ("drive", "arm"),
    ("drive", "input_tokens"),
    ("drive", "round"),
    ("drive", "server_ms"),
    ("drive", "tokens_per_s"),
    ("drive", "server_cpu_s"),
    ("drive", "joules"),
    ("drive", "tokens_per_joule"),
    ("drive", "arms"),
    ("drive", "series"),
    ("drive", "differences"),
    ("tune", "decision"),
    ("tune", "step"),
}
"""Fields that came since, by kind of record; one that is not there is null or empty."""


def without(new, old, gone):
    """``new`` without what ``old`` does not have; its names and values go into ``gone``."""
    if isinstance(new, dict) and isinstance(old, dict):
        gone += [(name, value) for name, value in new.items() if name not in old]
        return {name: without(value, old[name], gone) for name, value in new.items() if name in old}
    if isinstance(new, list) and isinstance(old, list) and len(new) == len(old):
        return [without(*pair, gone) for pair in zip(new, old, strict=True)]
    return new


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_record_of_before_is_read_and_written_back(file):
    old = json.loads(file.read_text())
    kind = old["kind"]
    new, gone = written(read_record(file, RECORDS[kind], "a record")), []
    again = without(new, old, gone)
    assert again == old
    assert same_order(again, old)
    assert {(kind, name) for name, _ in gone} <= ADDED
    assert all(value in (None, [], {}) for _, value in gone)


def test_every_kind_of_record_is_kept():
    assert {json.loads(file.read_text())["kind"] for file in FILES} == set(RECORDS)


def test_a_file_of_tuned_parameters_is_read_and_written_back(tmp_path):
    text = (KEPT / "tuned.toml").read_text()
    tables = load_tuned(KEPT / "tuned.toml")
    assert dump(tables) == text
    ((op, providers),) = tables.items()
    ((provider, cases),) = providers.items()
    ((case, fields),) = cases.items()
    put(tmp_path / "again.toml", op, provider, case, msgspec.convert(fields, TunedEntry))
    assert (tmp_path / "again.toml").read_text() == text


def test_a_search_goes_on_from_lines_of_before():
    lines = (KEPT / "tuned.progress.jsonl").read_text().splitlines()
    first = msgspec.json.decode(lines[0], type=ProgressLine)
    log = read_log(KEPT / "tuned.progress.jsonl", first.key)
    assert len(log.looks) == len(lines) == 2
    assert [written(one) for one in log.looks] == [json.loads(line)["look"] for line in lines]


def test_an_interrupted_record_is_one_too():
    early, late = load("decode-early"), load("decode-partial")
    assert early["partial"] and late["partial"]
    assert early["rungs"]["step"] is None
    assert late["rungs"]["step"]["ms_per_token"] > 0
