"""Results side by side; one that has no time says why."""

from rich.console import Console

from truetpot.measure.kernels import KernelResult
from truetpot.measure.race import Entrant
from truetpot.ops import SiluMulCase
from truetpot.report.kernels import draw_case, draw_head

CASE = SiluMulCase("bf16", 1, 64)


def result(provider, status, seconds=None, **fields):
    entrant = None if seconds is None else Entrant(provider, [], device_s=seconds, wall_s=seconds)
    about = {"bytes": 384, "cache": "rotated", "entrant": entrant} | fields
    return KernelResult("silu_mul", CASE, provider, "cpu", status, **about)


def draw(*results):
    console = Console(width=140, highlight=False)
    with console.capture() as captured:
        console.print(draw_head(), draw_case([(found, ("silu_mul",)) for found in results]))
    return captured.get().splitlines()


def test_a_line_a_provider():
    times = {"share_of_ceiling": 0.5, "time_over_best": 1.0, "error": 1e-3, "tolerance": 2e-2}
    head, title, first, second, third, reason = draw(
        result("numba", "ok", [2e-6, 3e-6, 4e-6], **times),
        result("torch", "wrong", reason="error 3 is above the tolerance 0.02"),
        result("triton", "ok", [6e-6], **(times | {"cache": "hot", "time_over_best": 2.0})),
    )
    assert head.split()[:3] == ["provider", "us", "GB/s"]
    assert title == "silu_mul (silu_mul)  dtype=bf16 m=1 n=64"
    assert first.split()[:6] == ["numba", "3.000", "0.128", "50.0", "%", "1.00"]
    assert first.split()[6:] == ["1.0e-03/2.0e-02", "ok"]
    assert second.split() == ["torch", *["-"] * 5, "wrong"]
    assert reason == "torch: wrong: error 3 is above the tolerance 0.02"
    assert "hot" in third
    assert "2.00" in third


def test_who_was_skipped_has_a_line_for_the_reason_below_those_who_ran():
    reason = "the triton silu_mul kernel runs on cuda, xpu, not on cpu, and so on for a whole line"
    _, _, timed, skipped, last = draw(
        result("triton", "skipped", reason=reason),
        result("numba", "ok", [2e-6], share_of_ceiling=0.5, error=1e-3, tolerance=2e-2),
        result("vllm_xpu", "skipped", reason="not here"),
    )
    assert timed.split()[0] == "numba"
    assert skipped == f"triton: skipped: {reason}"
    assert last == "vllm_xpu: skipped: not here"
