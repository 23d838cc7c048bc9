"""The printed table: a real one, and tables within logs."""

import math
import time
from collections.abc import Callable

import pytest

from tests.real_files import real_file
from tests.serving.readers.vllm_table_files import (
    NAMESPACE,
    NEW,
    OLD,
    PROGRESS,
    SEEDS,
    SGLANG,
    table,
)
from truetpot.errors import UserError
from truetpot.serving.readers import read
from truetpot.serving.records import Counting, Metric, Run

Runs = Callable[[bytes], list[Run]]


def test_the_real_one() -> None:
    (run,) = read(real_file("ipex_llm_quickstart_stdout.txt"))
    assert (run.tool, run.variant, run.place) == ("vllm", "printed table, age unknown", "")
    assert {(f.metric, f.statistic): f.value for f in run.figures} == {
        (Metric.TTFT, "mean"): 520.10 / 1000,
        (Metric.TTFT, "median"): 520.10 / 1000,
        (Metric.TTFT, "p99"): 520.10 / 1000,
        (Metric.TPOT, "mean"): 32.37 / 1000,
        (Metric.TPOT, "median"): 32.37 / 1000,
        (Metric.TPOT, "p99"): 32.37 / 1000,
        (Metric.ITL, "mean"): 64.87 / 1000,
        (Metric.ITL, "median"): 64.84 / 1000,
        (Metric.ITL, "p99"): 66.34 / 1000,
    }
    assert run.figures[0].key == "Mean TTFT (ms)"
    totals = run.totals
    assert (totals.completed, totals.failed, totals.duration_s) == (1, None, 17.06)
    assert (totals.input_tokens, totals.output_tokens) == (1024, {Counting.UNSTATED: 512})
    assert (totals.requests_per_s, totals.output_tokens_per_s) == (0.06, 30.01)
    assert totals.total_tokens_per_s == 90.02 and run.requests is None
    assert len(run.notes) == 1 and "0.6.6" in run.notes[0]


def test_nan_inf_and_zero_are_kept(runs: Runs) -> None:
    (run,) = runs(table(OLD).encode())
    values = {figure.metric: figure.value for figure in run.figures if figure.statistic != "mean"}
    assert math.isnan(values[Metric.TPOT])
    assert values[Metric.ITL] == math.inf and values[Metric.E2E] == 0
    assert run.figure(Metric.TPOT, "mean") == 30657.55 / 1000


def test_a_newer_table(runs: Runs) -> None:
    (run,) = runs(table(NEW).encode())
    assert run.variant == "printed table, >= 0.7" and run.notes == ()
    assert run.totals.output_tokens == {Counting.SERVER: 4096} and run.totals.failed == 1
    assert run.totals.peak_output_tokens_per_s == 500 and run.totals.total_tokens_per_s == 1228.8
    assert run.setting.request_rate == 2.5 and run.setting.max_concurrency == 4
    assert run.setting.tokens_per_step == 2.4
    # Neither the probe's latency nor that with the queue in it is the end-to-end latency.
    assert [(f.metric, f.value) for f in run.figures] == [
        (Metric.TPOT, 31.25 / 1000),
        (Metric.QUEUE, 12 / 1000),
    ]


def test_sglang(runs: Runs) -> None:
    (run,) = runs(table(SGLANG).encode())
    assert (run.tool, run.variant) == ("sglang", "printed table, sglang")
    assert run.totals.output_tokens == {Counting.SERVER: 4096, Counting.RETOKENISED: 4001}
    assert run.totals.mean_concurrency == 7.5 and run.setting.max_concurrency is None
    assert run.setting.request_rate == math.inf and run.setting.tokens_per_step == 2.1
    assert [(f.metric, f.statistic, f.value) for f in run.figures] == [
        (Metric.E2E, "mean", 18.0),
        (Metric.ITL, "p95", 33 / 1000),
        (Metric.ITL, "max", 99 / 1000),
    ]
    assert run.definitions[Metric.ITL].canonical == "itl_per_token"


@pytest.mark.parametrize(
    ("backend", "counting"),
    [("sglang-oai", Counting.UNSTATED), ("trt", Counting.REQUESTED), ("vllm", Counting.UNSTATED)],
)
def test_sglang_by_backend(backend: str, counting: Counting, runs: Runs) -> None:
    (run,) = runs(table({**SGLANG, "Backend:": backend}).encode())
    assert run.totals.output_tokens == {counting: 4096, Counting.RETOKENISED: 4001}


def test_tables_in_a_log(runs: Runs) -> None:
    first, second = runs(SEEDS["log"])
    # A progress bar's carriage returns do not count as lines.
    assert (first.place, second.place) == ("line 3", f"line {3 + len(OLD) + 2 + 3}")
    assert second.totals.completed == 7 and first.totals.completed == 8
    for run in (first, second):
        assert run.setting.model == "Qwen/QwQ-32B" and run.setting.tokenizer is None
        assert (run.setting.input_tokens, run.setting.output_tokens) == (1024, 512)
        assert run.totals.attempted == 8 and run.setting.ignore_eos is True
    assert first.setting.request_rate == math.inf and second.setting.request_rate == 2.5


@pytest.mark.parametrize(
    ("arguments", "age"),
    [
        ("best_of=1, tokenizer='m'", "<= 0.6.6"),
        ("best_of=1, burstiness=1.0, tokenizer=None", "age unknown"),
        ("burstiness=1.0, tokenizer=None", ">= 0.7"),
        ("endpoint_type='openai'", ">= 0.7"),
        ("seed=0", "age unknown"),
    ],
)
def test_age_by_the_arguments_above(arguments: str, age: str, runs: Runs) -> None:
    (run,) = runs(f"Namespace({arguments})\n{table(OLD)}".encode())
    assert run.variant == f"printed table, {age}"
    assert list(run.totals.output_tokens.values()) == [40]


def test_lengths_drawn_at_random_are_no_lengths(runs: Runs) -> None:
    drawn = NAMESPACE.replace("ratio=0.0", "ratio=0.5")
    (run,) = runs((drawn + table(NEW)).encode())
    assert run.setting.input_tokens is None and run.setting.output_tokens is None
    # SGLang's 0 draws from 1 to the length given.
    (run,) = runs((NAMESPACE + table(SGLANG)).encode())
    assert run.setting.output_tokens is None
    (run,) = runs((NAMESPACE.replace("ratio=0.0", "ratio=1.0") + table(SGLANG)).encode())
    assert run.setting.output_tokens == 512


@pytest.mark.parametrize(
    "prefix",
    ["", "  ", "vllm-1  | ", "2025-07-16T10:15:00.123Z stdout F ",
     "INFO 07-16 10:15:00 [serve.py:9] ", "\x1b[32m", "(EngineCore pid=7) ", "> "],
)  # fmt: skip
def test_a_logger_before_the_lines(prefix: str, runs: Runs) -> None:
    (plain,) = runs(table(NEW).encode())
    (run,) = runs("".join(f"{prefix}{line}\r\n" for line in table(NEW).splitlines()).encode())
    assert run.totals == plain.totals and run.notes == plain.notes
    assert [f.value for f in run.figures] == [f.value for f in plain.figures]


def test_what_only_ends_like_a_label(runs: Runs) -> None:
    rows = {**OLD, "Adjusted Mean TPOT (ms):": "1.00", "Foo concurrency:": "7"}
    (run,) = runs(table(rows).encode())
    assert run.totals.mean_concurrency is None and run.setting.max_concurrency is None
    assert run.figure(Metric.TPOT, "mean") == 30657.55 / 1000


def test_a_table_cut_off_says_so(runs: Runs) -> None:
    content = table(NEW).encode()
    heading_and_one_line = content.index(b"\n", content.index(b"Successful"))
    for end in range(heading_and_one_line, len(content) - 12):
        (run,) = runs(content[:end])
        assert any("cut off" in note for note in run.notes)


@pytest.mark.parametrize("closing", ["-" * 50, "```", "user@host:~$ ", "```\n\nAnd then?"])
def test_another_closing_line_of_a_pasted_table(closing: str, runs: Runs) -> None:
    pasted = table(NEW).replace("=" * 50 + "\n", closing + "\n")
    (run,) = runs(pasted.encode())
    assert not any("cut off" in note for note in run.notes)


def test_a_heading_alone(refusal: Callable[[bytes], str]) -> None:
    assert "no line of the table" in refusal(table({}).encode())


def test_a_count_that_is_none(refusal: Callable[[bytes], str]) -> None:
    sentence = refusal(table({**OLD, "Successful requests:": "7.5"}).encode())
    assert 'line 2: "Successful requests" is 7.5' in sentence


def test_numbers_that_are_none_are_left_out(runs: Runs) -> None:
    rows = {**OLD, "Mean TPOT (ms):": "1_000", "Median ITL (ms):": "--", "P99 ITL (ms):": "1e3"}
    (run,) = runs(table(rows).encode())
    assert run.figure(Metric.TPOT, "mean") is None and run.figure(Metric.ITL, "median") is None
    assert run.figure(Metric.ITL, "p99") == 1.0


def test_units_are_those_of_the_labels(runs: Runs) -> None:
    rows = {**OLD, "Mean TPOT (ms):": "30657.55", "Median TPOT (s):": "0.5", "P99 ITL (us):": "250"}
    (run,) = runs(table(rows).encode())
    assert run.figure(Metric.TPOT, "mean") == 30657.55 / 1000
    assert run.figure(Metric.TPOT, "median") == 0.5
    assert run.figure(Metric.ITL, "p99") == 250 / 1e6


def test_bytes_that_are_no_text(runs: Runs) -> None:
    content = b"\xff\xfd\n" + PROGRESS.encode("cp1252", "ignore") + table(NEW).encode()
    (run,) = runs(content)
    assert run.totals.completed == 7


@pytest.mark.parametrize(
    "rest",
    [
        b"Namespace(" + b"a" * 60_000 + b"\n",
        b"Namespace(" + b"a='" * 20_000 + b"\n",
        (b"1 " * 200 + b"\n") * 20_000,
        (b"A" * 400 + b"\n") * 5_000,
        (b" " * 399 + b":\n") * 5_000,
        b"=" * 1_000_000 + b"\n",
    ],
    ids=["a long word", "quotes", "a log goes on", "capitals", "blanks", "a long rule"],
)
def test_no_text_takes_long(rest: bytes, runs: Runs) -> None:
    began = time.process_time()
    (run,) = runs(table(OLD).encode()[:-60] + b"\n" + rest)
    assert run.totals.completed == 8
    assert time.process_time() - began < 5


def test_a_line_of_a_megabyte(runs: Runs) -> None:
    (run,) = runs(b"x" * (1 << 20) + b" " * (1 << 20) + b"\n" + table(NEW).encode())
    assert run.totals.completed == 7


@pytest.mark.parametrize("name", SEEDS)
def test_truncation_anywhere(name: str, runs: Runs) -> None:
    """What is read of a part is in the whole, but for the number that was cut."""

    def figures(found: list[Run]) -> set[str]:
        return {repr(figure) for run in found for figure in run.figures}

    content = SEEDS[name]
    whole = figures(runs(content))
    for end in range(1, len(content), 2):
        try:
            found = runs(content[:end])
        except UserError:
            continue
        assert found and len(figures(found) - whole) <= 1


@pytest.mark.parametrize(
    ("arguments", "ratio", "output_tokens"),
    [
        # Up to 2025-04 from ratio x length to the length, then from 1 - ratio to 1 + ratio.
        ("best_of=1, use_beam_search=False", "0.0", None),
        ("best_of=1, use_beam_search=False", "1.0", 512),
        ("endpoint_type='openai'", "0.0", 512),
        ("endpoint_type='openai'", "1.0", None),
        ("dispatch_function=<function cmd at 0x7f>", "0.0", 512),
        # Of 2025, before or after.
        ("burstiness=1.0, tokenizer=None", "0.0", None),
        ("burstiness=1.0, tokenizer=None", "1.0", None),
    ],
)
def test_a_range_ratio_means_what_it_did_in_that_version(
    arguments: str, ratio: str, output_tokens: int | None, runs: Runs
) -> None:
    namespace = (
        f"Namespace({arguments}, dataset_name='random', random_input_len=1024, "
        f"random_output_len=512, random_range_ratio={ratio}, ignore_eos=True)\n"
    )
    (run,) = runs((namespace + table(OLD)).encode())
    assert run.setting.output_tokens == output_tokens
    assert run.setting.range_ratio == float(ratio)


SGLANG_LOG = """\
benchmark_args=Namespace(backend='sglang', base_url=None, host='0.0.0.0', port=30000, \
dataset_name='random', dataset_path='', model=None, tokenizer=None, num_prompts=8, \
sharegpt_output_len=None, random_input_len=1024, random_output_len=512, random_range_ratio=1.0, \
request_rate=inf, max_concurrency=16, output_file=None, disable_ignore_eos=False, \
extra_request_body=None, warmup_requests=1)
#Input tokens: 8192
Namespace(backend='sglang', base_url=None, host='0.0.0.0', port=30000, \
dataset_name='random', dataset_path='', model='Qwen/QwQ-32B', tokenizer=None, num_prompts=8, \
sharegpt_output_len=None, random_input_len=1024, random_output_len=512, random_range_ratio=1.0, \
request_rate=inf, max_concurrency=16, output_file=None, disable_ignore_eos=False, \
extra_request_body=None, warmup_requests=1)

Starting warmup with 1 sequences...
"""


def test_a_log_of_sglang_with_its_command_line(runs: Runs) -> None:
    rows = {**SGLANG, "Max reqeuest concurrency:": "16"}
    del rows["Max request concurrency:"]
    (run,) = runs((SGLANG_LOG + table(rows)).encode())
    setting = run.setting
    assert run.tool == "sglang" and setting.model == "Qwen/QwQ-32B"
    assert (setting.input_tokens, setting.output_tokens, setting.range_ratio) == (1024, 512, 1)
    assert setting.max_concurrency == 16 and setting.ignore_eos is True
    assert run.totals.attempted == 8
    (run,) = runs((SGLANG_LOG.replace("ratio=1.0", "ratio=0.0") + table(rows)).encode())
    assert (run.setting.output_tokens, run.setting.range_ratio) == (None, 0)


@pytest.mark.parametrize(
    "server",
    [
        "$ vllm serve Qwen/QwQ-32B --stream-interval 16 --port 8000",
        "$ python -m sglang.launch_server --stream-interval=16",
        "INFO non-default args: {'model': 'Qwen/QwQ-32B', 'stream_interval': 16}",
        "server_args=ServerArgs(model_path='Qwen/QwQ-32B', stream_interval=16, tp_size=4)",
    ],
)
def test_a_server_that_logs_into_the_same_file(server: str, runs: Runs) -> None:
    (run,) = runs((f"{server}\n" + NAMESPACE + table(NEW)).encode())
    assert run.setting.tokens_per_chunk == 16
    (run,) = runs((NAMESPACE + table(NEW)).encode())
    assert run.setting.tokens_per_chunk is None
