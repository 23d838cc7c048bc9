"""What stands around a table or between JSON values does not matter, for any reader."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from tests.serving.readers.llama_files import llama_bench_test
from tests.serving.readers.vllm_files import dumped, in_2025
from tests.serving.readers.vllm_table_files import NEW, table
from truetpot.serving.readers.noise import blanked, is_noise
from truetpot.serving.records import Run

Read = Callable[[bytes], list[Run]]

STDERR = (
    "Found 1 SYCL devices:",
    "|ID|        Device Type|                   Name|",
    "[SYCL] call ggml_check_sycl",
    "found 1 SYCL devices:",
    "[ INFO ] [1] First token latency: 500.00 ms/token",
    "[2026-07-16 10:15:00] INFO started",
    "1.33.157.639 I slot print_timing: id  0 | task 4 |",
    "2026-07-16 10:15:00",
    "4 tokens",
    "$ cat result.json",
    ">>> hello",
    "{not JSON",
    "{'loss': 0.1}",
    "null pointer",
    "true story",
    "data: [DONE]",
    ": ping",
)
JSON = (
    "", "  ", "[", "[ {", "[[1, 2],", "0.5,", "  1.5e-3]", "null", '"a": {', "}", "],", "{}", "{",
    '{ "a": x', "true,", "[1, 2]", "NaN, -Infinity]", "-1,", "[1 2]", '{"a": "x',
)  # fmt: skip


@pytest.mark.parametrize("line", STDERR)
def test_lines_of_a_log(line: str) -> None:
    assert is_noise(line.encode())
    content = f'[\n{line}\n{{"a": 1}}\n{line}\n]\n{line}'.encode()
    clean = blanked(content)
    assert clean is not None and len(clean) == len(content)
    assert json.loads(clean) == [{"a": 1}]


@pytest.mark.parametrize("line", JSON)
def test_lines_of_json(line: str) -> None:
    assert not is_noise(line.encode())
    assert blanked(f"{line}\n{line}\r\n".encode()) is None


def test_a_cut_is_no_noise() -> None:
    """Else a file that was cut off would be read as if it were whole."""
    text = json.dumps({"a": [0.25, -1e-07, True, None, "b c", float("nan")]}, indent=1).encode()
    assert all(blanked(text[:end]) is None for end in range(len(text)))


@pytest.mark.parametrize("line", STDERR)
def test_json_in_a_log(line: str, runs: Read) -> None:
    noise = line.encode()
    (whole,) = runs(dumped(in_2025()))
    (run,) = runs(noise + b"\n\n" + dumped(in_2025()) + b"\n" + noise + b"\n")
    assert run.figures == whole.figures
    np.testing.assert_array_equal(run.requests.latency_s, whole.requests.latency_s)


def test_between_the_elements_of_a_list(runs: Read) -> None:
    """A second model is loaded, and the driver tells of it, between two results."""
    one, two = (json.dumps(llama_bench_test(n_gen=n), indent=2) for n in (128, 256))
    content = f"[\n{one}ggml_vulkan\n,\nggml_vulkan: 0 = Intel(R) Arc(tm) A770\n{two}\n]\n"
    found = runs(content.replace("}ggml_vulkan", "}").encode())
    assert [run.variant for run in found] == ["tg128", "tg256"]


def test_a_saved_stream(runs: Read) -> None:
    answer = {"timings": {"predicted_n": 4, "predicted_ms": 90.0, "prompt_ms": 5.0, "prompt_n": 1}}
    content = f'data: {{"content": "x"}}\n\ndata: {json.dumps(answer)}\n\ndata: [DONE]\n'
    (run,) = runs(content.replace('{"content": "x"}', json.dumps(answer)).encode())
    assert run.requests.tokens.tolist() == [4, 4]


def test_a_broken_value_among_noise(refusal: Callable[[bytes], str]) -> None:
    """The noise is not to blame, and the broken value is not taken for noise."""
    lines = dumped(llama_bench_test()) + b"\n" + dumped(llama_bench_test())[:-9]
    for content in (lines, b"Found 1 SYCL devices:\n" + lines):
        assert "cut off; copy it again" in refusal(content)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [table(NEW), in_2025()], ids=["table", "json"])
def test_as_powershell_saves_it(encoding: str, text: object, runs: Read) -> None:
    mark = "" if encoding in ("utf-8-sig", "utf-16") else "\ufeff"
    words = text if isinstance(text, str) else json.dumps(text)
    (plain,), (wide,) = runs(words.encode()), runs((mark + words).encode(encoding))
    assert wide.figures == plain.figures and wide.totals == plain.totals


@pytest.mark.parametrize("text", [table(NEW), in_2025()], ids=["table", "json"])
def test_colours_and_line_ends(text: object, runs: Read) -> None:
    words = text if isinstance(text, str) else json.dumps(text, indent=1)
    coloured = "".join(
        f"\x1b[1;32m{line[:9]}\x1b[0m{line[9:]}\x1b[K\x1b]0;title\x07\r\n"
        for line in words.splitlines()
    )
    (plain,), (bright,) = runs(words.encode()), runs(coloured.encode())
    assert bright.figures == plain.figures and bright.totals == plain.totals
