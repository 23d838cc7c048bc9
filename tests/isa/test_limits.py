"""Threads, bytes in flight and the four limits, by arithmetic."""

import pytest

from truetpot.facts.issue_rates import all_issue_rates
from truetpot.facts.kernel_faults import fault_limits
from truetpot.facts.latencies import all_latencies
from truetpot.isa.addresses import Access
from truetpot.isa.assembly import parse
from truetpot.isa.banks import conflicts
from truetpot.isa.limits import Iteration, Limits, Threads, limits, resident
from truetpot.isa.message import Message, read_message
from truetpot.isa.scoreboard import alone
from truetpot.isa.values import Value
from truetpot.isa.zeinfo import read_info
from truetpot.records.isa import IssueVerdict

RATES, WAITS = all_issue_rates()["acm-g10"], all_latencies()["acm-g10"]
CORES = 32


def info(**env):
    fields = ", ".join(f"{k}: {v}" for k, v in {"simd_size": 16, "grf_count": 128, **env}.items())
    return read_info(f"kernels: [{{name: one, execution_env: {{{fields}}}}}]", "one")


@pytest.mark.parametrize(
    ("env", "launch", "threads", "by"),
    [
        ({}, (10000, 8), 32 * 128, "registers"),
        ({"grf_count": 256}, (10000, 8), 32 * 64, "registers"),
        ({"slm_size": 128}, (10000, 8), 32 * 128, "registers"),  # 1 KiB each: 128 groups of 8
        ({"slm_size": 34816}, (10000, 8), 32 * 16, "local memory"),  # 64 KiB each: two of eight
        ({"slm_size": 32768}, (10000, 8), 32 * 32, "local memory"),
        ({}, (10, 8), 80, "launch"),
        ({"slm_size": 65536}, (10, 8), 80, "launch"),
        ({"barrier_count": 1}, (10000, 24), 32 * 120, "registers"),  # five whole groups of 24
    ],
)
def test_threads(env, launch, threads, by):
    found = resident(info(**env), RATES, WAITS, CORES, launch)
    assert (found.count, found.by) == (threads, by)


def test_a_small_launch_leaves_engines_and_cores_without_work():
    found = resident(info(), RATES, WAITS, CORES, (10, 8))
    assert (found.cores, found.engines) == (10, 80)
    assert resident(info(), RATES, WAITS, CORES, (1, 64)).engines == 16


def test_each_limit_is_its_time_over_that_of_memory():
    iteration = Iteration(
        clocks=1200, alone_clocks=2400, local_clocks=12, memory_bytes=560, count=None
    )
    found = limits(iteration, Threads(4096, "registers", 512, 32), RATES)  # memory: one ns
    assert found.issue == pytest.approx(1200 / 512 / 2.4)
    assert found.latency == pytest.approx(2400 / 4096 / 2.4)
    assert found.local == pytest.approx(12 / 32 / 2.4)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (Limits(0.5, 0.9, 0.1), IssueVerdict.MEMORY),
        (Limits(1.1, 0.9, 0.1), IssueVerdict.ISSUE),
        (Limits(1.1, 1.2, 0.1), IssueVerdict.LATENCY),
        (Limits(1.1, 1.2, 1.3), IssueVerdict.LOCAL),
        (Limits(), IssueVerdict.UNKNOWN),
    ],
)
def test_the_tightest_is_named(found, verdict):
    assert found.verdict() is verdict


LOAD = (
    "send.ugm (8|M0) r{0} r2 null:0 0x0 0x6 {{$"
    "{1}}} // wr:1+0, rd:4; load.ugm.d32x4.a32.ca.ca.bti[0]"
)


def of(*lines):
    """One iteration of these by a thread alone, all loads from memory."""
    code = parse("L0:\n" + "\n".join(lines) + "\n")
    sends = [read_message(i, 32) if i.kind == "send" else None for i in code.instructions]
    asked = {i: 128 for i, m in enumerate(sends) if m is not None}
    return alone([*enumerate(code.instructions)], sends, asked, True, RATES, WAITS)


USE = "mov (8|M0) r20.0<1>:f r{0}.0<1;1,0>:f {{${1}.dst}}"


def test_loads_before_the_first_wait_are_in_flight_together():
    together = of(LOAD.format(4, 0), LOAD.format(8, 1), USE.format(4, 0), USE.format(8, 1))
    assert together.in_flight == 256
    assert together.clocks == pytest.approx(2 + 113 * 2.4, abs=4)  # one wait for both


def test_loads_that_are_waited_for_one_by_one_are_not():
    apart = of(LOAD.format(4, 0), USE.format(4, 0), LOAD.format(8, 1), USE.format(8, 1))
    assert apart.in_flight == 128
    assert apart.clocks == pytest.approx(2 * 113 * 2.4, abs=6)


def test_an_instruction_waits_for_the_one_it_needs():
    chain = "add (8|M0) r4.0<1>:f r4.0<1;1,0>:f r7.0<1;1,0>:f {F@1}"
    assert of(*[chain] * 10).clocks == pytest.approx(10 * (1 + WAITS.float_clocks))
    assert of(*[chain.replace("{F@1}", "")] * 10).clocks == 10


def test_a_barrier_is_waited_for():
    assert of("sync.bar null").clocks == 1 + WAITS.barrier_clocks


def local(stride, each=4, lanes=16):
    message = Message("load", "slm", each * lanes, False, "default", None, 0, 4)
    return Access(0, message, None, tuple(Value(7, stride * i) for i in range(lanes)))


@pytest.mark.parametrize(
    ("stride", "each", "times"),
    [(4, 4, 1), (0, 4, 1), (64, 4, 16), (8, 4, 2), (68, 4, 1), (16, 16, 1), (256, 16, 4)],
)
def test_bank_conflicts(stride, each, times):
    """Sixteen banks of four bytes: 16 words side by side, the same word, a column, every second."""
    assert conflicts(local(stride, each), WAITS) == times


def test_local_memory_is_allotted_in_steps():
    assert [WAITS.local_size(n) for n in (0, 1, 1024, 1025, 34816)] == [0, 1024, 1024, 2048, 65536]


def test_every_number_has_a_source():
    for waits in all_latencies().values():
        assert {*vars(waits)} - {"target", "sources"} <= {*waits.sources}
    assert {*vars(fault_limits())} - {"sources"} <= {*fault_limits().sources}
