"""llama-bench's table, CSV and SQL, and the device lines that drivers write round them."""

import json

import pytest

from tests.real_files import real_file
from tests.serving.readers.files import figures, read_bytes
from tests.serving.readers.llama_files import (
    DEVICES,
    FIELDS,
    TABLE,
    llama_bench_csv,
    llama_bench_sql,
    llama_bench_test,
    llama_bench_values,
)
from truetpot.errors import UserError
from truetpot.serving.check import check_run
from truetpot.serving.readers import read
from truetpot.serving.records import Metric
from truetpot.serving.verdict import judge

WRITERS = {"csv": llama_bench_csv, "sql": llama_bench_sql}
LINE = "| llama 7B Q4_0 | 3.56 GiB | 6.74 B | SYCL | 99 | {} | {} |\n"
VULKAN = (
    "ggml_vulkan: Found 1 Vulkan devices:\n"
    "ggml_vulkan: 0 = Intel(R) Arc(tm) Pro B60 Graphics (BMG G21) (Intel open-source Mesa driver)"
    " | uma: 0 | fp16: 1 | bf16: 1 | warp size: 32\n"
)


def read_text(folder, text):
    return read_bytes(folder, text.encode())


def test_a_table(tmp_path):
    flat, deep, both = read_text(tmp_path, TABLE)
    assert [run.variant for run in (flat, deep, both)] == ["tg128", "tg128 @ d4096", "pp512+tg128"]
    assert figures(flat) == {(Metric.E2E_PER_TOKEN, "mean"): 0.025}  # 1/40 s
    assert figures(deep) == {(Metric.E2E_PER_TOKEN, "mean"): 0.03125}
    assert figures(both) == {} and both.totals.output_tokens_per_s is None
    assert (flat.place, deep.place) == ("line 4", "line 5")
    setting = deep.setting
    assert (setting.model, setting.weight_format) == ("llama 7B Q4_0", "llama 7B Q4_0")
    assert setting.model_bytes == 3_822_520_893  # 3.56 * 2**30
    assert (setting.input_tokens, setting.depth, setting.output_tokens) == (4096, 4096, 128)
    assert (setting.batch, setting.tool_version) == (1, "build 7000 (0104b151)")
    assert setting.device is None


def test_as_the_json(tmp_path):
    """The same test in the table and in JSON: the table has two decimals of the rate."""
    (run,) = read_bytes(tmp_path, json.dumps([llama_bench_test(n_gen=100)]).encode())
    from_json = float((run.requests.latency_s / run.requests.tokens).mean())
    rate = sum(1e9 * 100 / ns for ns in (2_500_000_000, 2_600_000_000)) / 2
    head = TABLE.splitlines(keepends=True)[0]
    (run,) = read_text(tmp_path, head + LINE.format("tg100", f"{rate:.2f} \xb1 1.09"))
    assert run.figure(Metric.E2E_PER_TOKEN, "mean") == pytest.approx(from_json, rel=1e-3)


@pytest.mark.parametrize(
    "cell",
    ["40.00 \xb1 0.10", "40.00", "**40.00 \xb1 0.10**", "40.00 +- 0.10", "40.00 \u252c\u2592 0.10"],
)
def test_how_a_rate_is_written(tmp_path, cell):
    head = TABLE.splitlines(keepends=True)[0]
    (run,) = read_text(tmp_path, head + LINE.format("tg 128", cell))
    assert run.figure(Metric.E2E_PER_TOKEN, "mean") == 0.025


def test_two_tables_and_their_builds(tmp_path):
    after = TABLE.replace("(7000)", "(7100)").replace("40.00", "50.00")
    runs = read_text(tmp_path, f"Before:\n{TABLE}\nand after:\n{after}")
    assert [run.setting.tool_version for run in runs[::3]] == [
        "build 7000 (0104b151)",
        "build 7100 (0104b151)",
    ]
    assert runs[3].figure(Metric.E2E_PER_TOKEN, "mean") == 0.02


def test_on_the_cpu(tmp_path):
    """The driver names a card that holds no layer."""
    text = DEVICES + TABLE.replace("|  99 |", "|   0 |")
    assert read_text(tmp_path, text)[0].setting.device is None
    assert read_text(tmp_path, DEVICES + TABLE)[0].setting.device is not None


def test_only_the_columns_that_differ(tmp_path):
    text = (
        "| model | size | params | backend | ngl | type_k | type_v | fa | sm | dev | test | t/s |\n"
        "| --- | ---: | ---: | --- | --: | -: | -: | -: | --- | --- | ---: | ---: |\n"
        "| qwen3 0.6B Q8_0 | 604.15 MiB | 596.05 M | SYCL | 99 | q8_0 | q8_0 | 1 | none | SYCL0 "
        "| tg128 | 120.60 \xb1 0.59 |\n"
    )
    (run,) = read_text(tmp_path, DEVICES + text)
    assert run.setting.kv_format == "q8_0"
    assert run.setting.model_bytes == 633_497_190  # 604.15 * 2**20
    assert (run.setting.device, run.setting.devices) == ("Intel(R) Arc(TM) A770 Graphics", 1)


@pytest.mark.parametrize(
    ("lines", "device", "devices"),
    [
        (DEVICES, "Intel(R) Arc(TM) A770 Graphics", 1),
        (2 * DEVICES, "Intel(R) Arc(TM) A770 Graphics", 1),  # Once a model.
        (DEVICES + DEVICES.replace("| 0|", "| 1|"), "Intel(R) Arc(TM) A770 Graphics", 2),
        (VULKAN, "Intel(R) Arc(tm) Pro B60 Graphics (BMG G21)", 1),
        (
            "  Device 0: NVIDIA GeForce RTX 3050, compute capability 8.6, VMM: yes\n",
            "NVIDIA GeForce RTX 3050",
            1,
        ),
        (VULKAN + DEVICES, None, None),  # Two backends: which of them worked?
        (
            VULKAN + DEVICES + "llama_prepare_model_devices: using device SYCL0 (Intel(R) Arc(TM) "
            "A770 Graphics) (unknown id) - 15473 MiB free\n",
            "Intel(R) Arc(TM) A770 Graphics",
            1,
        ),
        ("Found 1 SYCL devices:\n", None, None),
    ],
)
def test_device_lines(tmp_path, lines, device, devices):
    rest = "".join(TABLE.splitlines(keepends=True)[1:])
    for text in (lines + TABLE, TABLE.splitlines(keepends=True)[0] + lines + rest):
        run = read_text(tmp_path, text)[0]
        assert (run.setting.device, run.setting.devices) == (device, devices)
        assert run.figure(Metric.E2E_PER_TOKEN, "mean") == 0.025
    test = dict(llama_bench_test(), gpu_info="")
    (run,) = read_text(tmp_path, lines + json.dumps(test) + "\n" + lines)
    assert (run.setting.device, run.setting.devices) == (device, devices)


@pytest.mark.parametrize("form", WRITERS)
def test_csv_and_sql(tmp_path, form):
    tests = [llama_bench_values(512, 0), llama_bench_values(n_depth=64), llama_bench_values(1, 2)]
    run, both = read_bytes(tmp_path, WRITERS[form](*tests))
    assert (run.variant, both.variant) == ("tg128 @ d64", "pp1+tg2")
    assert figures(run) == {
        (Metric.E2E, "mean"): 2.55,
        (Metric.E2E, "std"): 0.070710678,
        (Metric.E2E_PER_TOKEN, "mean"): 1 / 50.215,
    }
    assert figures(both).keys() == {(Metric.E2E, "mean"), (Metric.E2E, "std")}
    setting = run.setting
    assert (setting.model, setting.model_bytes) == ("qwq-32b-q4_k_m.gguf", 19_845_357_568)
    assert (setting.device, setting.kv_format, setting.depth) == (
        "Intel(R) Arc(TM) A770",
        "q8_0/f16",
        64,
    )
    assert setting.tool_version == "build 7000 (0104b151c)"


def test_stderr_among_the_rows(tmp_path):
    head, *rows = llama_bench_csv(llama_bench_values(), llama_bench_values()).splitlines(True)
    noise = DEVICES.encode() + b"llama-bench: benchmark 1/2: starting\n"
    runs = read_bytes(tmp_path, noise + head + noise + noise.join(rows) + noise)
    assert len(runs) == 2 and runs[0].setting.device == "Intel(R) Arc(TM) A770"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TABLE.splitlines()[0], "no row"),
        (TABLE.replace("tg128", "pp128"), "cut|expected|prompts only"),
        (TABLE[: TABLE.index("32.00")], "no end: it was cut off"),
        (TABLE[: TABLE.index("SYCL")], "no end: it was cut off"),
        (TABLE.replace("40.00", "fast"), "where a rate"),
        (TABLE.replace("         tg128 ", "         tg12x "), "where pp512, tg128 or both"),
        (llama_bench_csv().decode(), "no test"),
        (llama_bench_csv(llama_bench_values())[:-20].decode(), "no CSV|may be cut"),
        (llama_bench_csv(llama_bench_values(avg_ns="x")).decode(), '"avg_ns" is \'x\''),
        (llama_bench_csv(llama_bench_values(n_depth="1.5")).decode(), '"n_depth" is \'1.5\''),
        (llama_bench_sql(llama_bench_values())[:-20].decode(), "may be cut"),
        (llama_bench_sql().decode() + "INSERT INTO llama_bench (", "may be cut"),
    ],
)
def test_broken(tmp_path, text, words):
    with pytest.raises(UserError, match=words):
        read_text(tmp_path, text)


def test_the_fields_are_llama_cpp_s():
    assert len(FIELDS) == len(llama_bench_values()) == 40


REAL = {  # Seconds.
    "llama_bench.csv": 1.067431600,
    "llama_bench.jsonl": 1.068078400,
    "llama_bench.sql": 1.063608780,
}


@pytest.mark.parametrize("name", REAL)
def test_real_files(name):
    """128 tokens of Qwen2.5-7B in a little above a second, in three forms."""
    (run,) = read(real_file(name))
    assert run.variant == "tg128"
    assert run.figure(Metric.E2E, "mean") == pytest.approx(REAL[name])
    assert run.setting.model == "models/Qwen2.5-7B-Instruct-Q4_K_M.gguf"
    assert run.setting.model_bytes == 4_677_120_000
    assert (run.setting.device, run.setting.devices) == ("NVIDIA GeForce RTX 4080", 1)
    assert run.setting.tool_version == "build 5163 (8cf427ff)"
    checked = check_run(run)
    assert not checked.findings
    assert judge(checked).reported_s == pytest.approx(REAL[name] / 128, rel=1e-4)


def test_real_tables():
    runs = read(real_file("llama_bench_tables.md"))
    assert [run.variant for run in runs] == 6 * ["tg16"] + ["tg128", "tg128 @ d512"]
    rates = [4.05, 7.80, 12.22, 16.71, 15.32, 16.41, 120.60, 116.71]
    assert [judge(check_run(run)).reported_s for run in runs] == [1 / rate for rate in rates]
    assert [run.setting.model for run in runs[5:7]] == [
        "llama 7B mostly Q4_0",
        "qwen2 7B Q4_K - Medium",
    ]
    assert judge(check_run(runs[-1])).context.value == 512 + 63
