"""The timings that llama-cli and llama-server print."""

import numpy as np
import pytest

from tests.serving.readers.files import figures, read_bytes
from tests.serving.readers.llama_files import CLI_LOG, llama_server_lines, llama_server_log
from truetpot.errors import UserError
from truetpot.serving.check import check_run
from truetpot.serving.records import Counting, Metric
from truetpot.serving.verdict import judge


def read_text(folder, text):
    return read_bytes(folder, text.encode())


@pytest.mark.parametrize(
    "program", ["llama_perf_context_print", "llama_print_timings", "common_perf_print"]
)
@pytest.mark.parametrize("prefix", ["", "0.00.039.587 I "])
def test_llama_cli(tmp_path, program, prefix):
    """99 evaluations of one token in 2,475 ms; the first of 100 tokens is the prompt's."""
    text = CLI_LOG.replace("llama_perf_context_print", prefix + program)
    (run,) = read_text(tmp_path, text)
    assert (run.tool, run.place) == ("llama-cli", "")
    assert figures(run) == {(Metric.TTFT, "mean"): 0.2, (Metric.TPOT, "mean"): 0.025}
    assert run.requests.tokens.tolist() == [100] and run.requests.counting is Counting.SERVER
    assert run.requests.prompt_tokens.tolist() == [20]
    assert run.requests.latency_s.tolist() == [2.675]
    assert (run.requests.latency_s - run.requests.ttft_s)[0] / 99 == pytest.approx(0.025)
    assert judge(check_run(run)).reported_s == 0.025


def test_what_was_loaded(tmp_path):
    (run,) = read_text(tmp_path, CLI_LOG)
    setting = run.setting
    assert setting.model == "models/llama-2-7b.Q4_0.gguf"
    assert setting.model_bytes == 3_822_520_893  # 3.56 * 2**30
    assert (setting.weight_format, setting.batch) == ("Q4_0", 1)
    assert setting.tool_version == "build 6710 (74b8fc17f)"
    assert (setting.device, setting.devices) == ("Intel(R) Arc(TM) A770 Graphics", 1)


def test_what_a_server_loaded(tmp_path):
    lines = "\n".join(
        (
            "build_info: b6710-74b8fc17f",
            "srv    load_model: loading model '/models/qwq-32b-q4_k_m.gguf'",
            "llama_kv_cache: size = 136.00 MiB, K (q8_0):   68.00 MiB, V (f16):   68.00 MiB",
            *llama_server_lines(200.0, 20, 2500.0, 100),
        )
    )
    (run,) = read_text(tmp_path, lines + "\n")
    assert run.setting.model == "/models/qwq-32b-q4_k_m.gguf"
    assert (run.setting.kv_format, run.setting.tool_version) == (
        "q8_0/f16",
        "build 6710 (74b8fc17f)",
    )
    (run,) = read_text(tmp_path, lines.replace("(q8_0)", "(f16)") + "\n")
    assert run.setting.kv_format == "f16"


def test_on_the_cpu(tmp_path):
    for layers, device in ((0, None), (33, "Intel(R) Arc(TM) A770 Graphics")):
        text = CLI_LOG.replace(
            "print_info: file size", f"load_tensors: offloaded {layers}/33 layers to GPU\n"
            "print_info: file size"
        )  # fmt: skip
        assert read_text(tmp_path, text)[0].setting.device == device


def test_several_programs_are_several_runs(tmp_path):
    runs = read_text(tmp_path, CLI_LOG + CLI_LOG.replace("25.00", "30.00"))
    assert [run.figure(Metric.TPOT, "mean") for run in runs] == [0.025, 0.030]
    assert [run.place for run in runs] == ["line 11", "line 24"]


def test_llama_server(tmp_path):
    """100 tokens in 2,500 ms: 99 steps; the other answer has its prompt from the cache."""
    text = llama_server_log(
        (10.0, 1000, 200.0, 1000, 2500.0, 100), (12.5, 1000, 5.0, 1, 2525.0, 101)
    )
    (run,) = read_text(tmp_path, text)
    assert (run.tool, run.variant) == ("llama-server", "log, divided by n")
    rows = run.requests
    assert rows.tokens.tolist() == [100, 101]
    assert rows.prompt_tokens.tolist() == [1000, 1000]
    assert rows.cached_tokens.tolist() == [0, 999]
    np.testing.assert_allclose(rows.ttft_s, [0.2, 0.005])
    np.testing.assert_allclose(rows.latency_s, [2.7, 2.53])
    np.testing.assert_allclose(rows.start_s, [10 - 2.7, 12.5 - 2.53])
    assert run.figures == ()  # The log has none of all requests.
    found = judge(check_run(run))
    assert found.reported_s == pytest.approx((2.5 / 99 + 2.525 / 100) / 2)


def test_two_slots_at_once(tmp_path):
    """The lines of one request lie among those of another, and their clocks say who decoded when:
    the first from 7.5 s to 10.0 s, the second from 8.0 s to 10.5 s."""
    times = (200.0, 20, 2500.0, 100)
    lines = llama_server_log((10.0, 20, *times), (10.5, 20, *times)).splitlines(keepends=True)
    mixed = "".join(lines[i] for i in (0, 4, 1, 5, 2, 6, 3, 7))
    (run,) = read_text(tmp_path, mixed)
    assert run.requests.tokens.tolist() == [100, 100]
    np.testing.assert_allclose(run.requests.start_s, [7.3, 7.8])
    batch = judge(check_run(run)).batch
    # 2 s together and 0.5 s each alone: a mean over their tokens
    assert batch.value == pytest.approx((2 * 2 * 2 + 0.5 + 0.5) / 5)


FORMS = {
    "2025": lambda lines: "slot print_timing: id  0 | task 4 | \n" + "\n".join(lines),
    "with the time of docker": lambda lines: "\n".join(
        f"2026-05-14 22:40:29.046 | {line}"
        for line in ("1.12.930.368 I slot print_timing: id  3 | task 0 | ", *lines)
    ),
    "router": lambda lines: "\n".join(f"[42027] {line}" for line in lines),
    "2023": lambda lines: "\n".join(
        f"print_timings: {line.replace(' tokens', ' runs  ')}" for line in lines
    ),
    "2024": lambda lines: "\n".join(
        f'INFO [           print_timings] {line} | tid="1" timestamp=17 id_slot=0 id_task=0 t=1.5'
        for line in (
            lines[0].replace("eval time ", "eval time     "),
            lines[1].replace("       eval", "generation eval").replace(" tokens ", " runs   "),
        )
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_its_forms(tmp_path, form):
    text = FORMS[form](llama_server_lines(200.0, 20, 2500.0, 100))
    (run,) = read_text(tmp_path, text + "\n")
    assert (run.tool, run.variant) == ("llama-server", "log, divided by n")
    assert figures(run) == {(Metric.TTFT, "mean"): 0.2, (Metric.TPOT, "mean"): 0.025}
    assert run.requests.tokens.tolist() == [100]
    assert run.requests.prompt_tokens.tolist() == [20]
    assert judge(check_run(run)).reported_s == pytest.approx(2.5 / 99)


def test_since_2026_it_divides_by_the_steps(tmp_path):
    request = (10.0, 20, 200.0, 20, 2475.0, 100)
    (run,) = read_text(tmp_path, llama_server_log(request, less=1))
    assert run.variant == "log, divided by n - 1"
    assert run.figure(Metric.TPOT, "mean") == 0.025
    assert run.definitions[Metric.TPOT].canonical == "tpot_per_request"
    assert judge(check_run(run)).reported_s == 0.025


def test_drafts(tmp_path):
    """2,048 tokens, 1,186 of them drafted: 862 steps."""
    lines = llama_server_lines(648.99, 133, 30387.12, 2048)
    text = "\n".join(
        (
            *lines,
            "draft acceptance rate = 0.98260 ( 1186 accepted /  1207 generated)",
            "statistics mtp: #calls(b,g,a) = 1 861 690, #gen tokens = 1207, #acc tokens = 1186",
        )
    )
    (run,) = read_text(tmp_path, text)
    assert run.setting.tokens_per_step == pytest.approx(2048 / 862)
    newer = text.replace("acceptance rate", "acceptance").replace(
        "generated)", "generated), mean len =  2.38"
    )
    assert read_text(tmp_path, newer)[0].setting == run.setting


def test_a_program_and_a_server(tmp_path):
    lines = "\n".join(llama_server_lines(200.0, 20, 2500.0, 100))
    runs = read_text(tmp_path, f"{CLI_LOG}{lines}\n")
    assert [run.tool for run in runs] == ["llama-cli", "llama-server"]
    assert [run.place for run in runs] == ["line 11", "line 14"]


def test_prompts_only(tmp_path):
    """An embedding: 0 ms for 1 run."""
    text = CLI_LOG.replace("2475.00 ms /    99 runs", "0.00 ms /     1 runs")
    for content in (text, text.partition("llama_perf_context_print:        eval")[0]):
        with pytest.raises(UserError, match="prompts only"):
            read_text(tmp_path, content)
