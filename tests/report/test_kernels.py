"""Results side by side; one that has no time says why."""

from rich.console import Console

from truetpot.facts.roofline import Limit
from truetpot.measure.entrant import Entrant
from truetpot.measure.kernel_result import KernelResult
from truetpot.ops import SiluMulCase
from truetpot.records.words import Cache, KernelStatus
from truetpot.report.kernels import draw_case, draw_head
from truetpot.stats import Ratio, fastest, standing

CASE = SiluMulCase("bf16", 1, 64)


def result(provider, status, seconds=None, **fields):
    entrant = None
    if seconds is not None:
        entrant = Entrant(provider, [], bytes=384, device_s=seconds, wall_s=seconds)
    about = {"bytes": 384, "cache": Cache.ROTATED, "entrant": entrant} | fields
    return KernelResult("silu_mul", CASE, provider, "cpu", KernelStatus(status), **about)


def draw(*results):
    console = Console(width=140, highlight=False)
    with console.capture() as captured:
        console.print(draw_head(), draw_case([(found, ("silu_mul",)) for found in results]))
    return captured.get().splitlines()


def raced(*results, ceiling=None):
    """What a race leaves in results that have times: shares of the ceiling, and who is fastest."""
    timed = [found for found in results if found.entrant is not None]
    best = fastest([found.entrant for found in timed])
    for found in timed:
        found.standing = standing(found.entrant, best)
        if ceiling is not None:
            found.ceiling = Entrant("ceiling", [], bytes=3840, device_s=ceiling)
            found.share = found.entrant.share_of(found.ceiling)
    return results


def test_a_line_a_provider():
    precise = {"error": 1e-3, "tolerance": 2e-2}
    _, head, title, ceiling, first, second, third, reason = draw(
        *raced(
            result("numba", "ok", [2e-6, 3e-6, 4e-6], **precise),
            result("torch", "wrong", reason="error 3 is above the tolerance 0.02"),
            result("triton", "ok", [4e-6, 6e-6, 8e-6], **precise, cache=Cache.HOT),
            ceiling=[10e-6, 15e-6, 20e-6],
        )
    )
    assert head.split()[:3] == ["provider", "us", "GB/s"]
    assert title == "silu_mul (silu_mul)  dtype=bf16 m=1 n=64"
    # by hand: 3840 bytes in 15 us, and 384 in 3 us, which is half of that bandwidth
    assert ceiling.split()[:2] == ["ceiling", "0.256"]
    assert first.split()[:6] == ["numba", "3.000", "0.128", "50.0", "%", "1.00"]
    assert first.split()[6:] == ["1.0e-03/2.0e-02", "ok"]
    assert second.split() == ["torch", *["-"] * 5, "wrong"]
    assert reason == "torch: wrong: error 3 is above the tolerance 0.02"
    assert "hot" in third
    assert "2.00" in third


def test_times_that_refute_a_ratio_do_not_stand_beside_it():
    # the machine slows down threefold after 65 % of the rounds for one, after 35 % for the other
    fast, slow = 1e-6, 3e-6
    early, late = [fast] * 65 + [slow] * 35, [fast * 1.1] * 35 + [slow * 1.1] * 65
    lines = draw(*raced(result("numba", "ok", early), result("torch", "ok", late)))
    numba, torch = (next(one for one in lines if one.split()[0] == n) for n in ("numba", "torch"))
    assert (numba.split()[1], torch.split()[1]) == ("1.000", "3.300")
    # by rounds 1.1, by medians 3.3
    assert torch.split()[4] == "?"
    assert any(one.strip().startswith("order not established: torch takes 1.100") for one in lines)
    assert any("--seconds" in line for line in lines)


def test_an_order_that_rounds_and_medians_give_the_other_way_round_is_not_established():
    numba = result("numba", "ok", [1.00e-6] * 9 + [9e-6] * 2)
    torch = result("torch", "ok", [0.99e-6] * 3 + [1.02e-6] * 2 + [0.97e-6] * 2 + [1.3e-6] * 4)
    torch.standing = standing(torch.entrant, numba.entrant)
    numba.standing = standing(numba.entrant, numba.entrant)
    assert torch.standing.order == "undecided"
    assert any("order not established" in line for line in draw(numba, torch))


def test_a_share_that_its_own_times_refute_is_not_shown():
    steady = result("numba", "ok", [1e-6] * 30)
    steady.ceiling = Entrant("ceiling", [], bytes=384, device_s=[0.5e-6] * 30)
    steady.share = Ratio(0.9, 0.89, 0.91, 30)
    steady.standing = standing(steady.entrant, steady.entrant)
    lines = draw(steady)
    assert next(one for one in lines if one.split()[0] == "numba").split()[3] == "?"
    assert any("share of the ceiling not established for numba" in line for line in lines)


def test_who_was_skipped_has_a_line_for_the_reason_below_those_who_ran():
    reason = "the triton silu_mul kernel runs on cuda, xpu, not on cpu, and so on for a whole line"
    _, _, _, timed, skipped, last = draw(
        result("triton", "skipped", reason=reason),
        result("numba", "ok", [2e-6], error=1e-3, tolerance=2e-2),
        result("vllm_xpu", "skipped", reason="not here"),
    )
    assert timed.split()[0] == "numba"
    assert skipped == f"triton: skipped: {reason}"
    assert last == "vllm_xpu: skipped: not here"


def test_the_rate_of_a_case_that_operations_bound_is_theirs():
    gemm = Entrant("gemm", [], operations=4 * 10**9, device_s=[1e-3])
    bound = {"flops": 6 * 10**9, "bound_by": Limit.OPERATIONS, "gemm": gemm}
    numba, torch = result("numba", "ok", [2e-3], **bound), result("torch", "ok", [3e-3], **bound)
    _, _, _, ceiling, first, second, sentence, *_ = draw(*raced(numba, torch, ceiling=[1e-6]))
    # by hand: 4e9 operations in 1 ms, 6e9 in 2 and in 3 ms
    assert ceiling.split() == ["ceiling", "4.000", "TFLOP/s"]
    assert first.split()[1:4] == ["2,000", "3.000", "TFLOP/s"]
    assert second.split()[1:4] == ["3,000", "2.000", "TFLOP/s"]
    assert "bound by operations" in sentence
