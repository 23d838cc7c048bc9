"""Findings that need steps, roles or a yardstick; those on times alone are in clean.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from truetpot.records.stack import PlacedBy, Role, StepPhase
from truetpot.records.trace import StackRung, TracedRole, TraceFinding
from truetpot.stack.beside import Beside
from truetpot.stack.by_role import Entry
from truetpot.stack.findings import finding, limit
from truetpot.stack.spent import StepCost
from truetpot.stack.trace import Trace
from truetpot.stack.yardstick import Yardstick

ROUNDING = 0.999
"""Times are written to the nanosecond and bandwidths to four digits."""
L2_IF_UNKNOWN = 128 << 20
"""No card's last-level cache is larger, so what exceeds it is read from memory."""


def judge(
    trace: Trace,
    steps: Sequence[StepCost],
    rung: StackRung | None,
    roles: Sequence[TracedRole],
    named: Sequence[Entry],
    beside: Beside,
) -> list[TraceFinding]:
    """Findings on one device, or on a summary."""
    return [
        *_steps(steps),
        *_profiler(trace, steps, rung),
        *_collectives(rung),
        *_other_workload(beside.yardstick, named if beside.layers else ()),
        *_other_tokens(beside),
        *_below(beside, named, roles),
        *_unknown(roles),
    ]


def _steps(steps: Sequence[StepCost]) -> Iterator[TraceFinding]:
    wrong = [one for one in steps if one.disturbed and one.period_s is not None]
    used = [one for one in steps if one.used and one.period_s is not None]
    if wrong and used:
        disturbed = [str(i + 1) for i, one in enumerate(steps) if one.disturbed]
        times = ", ".join(f"{(one.period_s or 0) * 1e3:.3f}" for one in wrong[:8])
        mean = sum(one.period_s or 0 for one in used) / len(used)
        busy = sum(one.busy_s for one in wrong) / len(wrong)
        yield finding(
            "disturbed-steps",
            f"Step {', '.join(disturbed[:8])} of {len(steps)}: {times} ms, the others "
            f"{mean * 1e3:.3f} ms, each with kernels of {busy * 1e3:.3f} ms.",
        )


def _profiler(
    trace: Trace, steps: Sequence[StepCost], rung: StackRung | None
) -> Iterator[TraceFinding]:
    """Pauses for a host that was recorded operator by operator, and so was slower than it is."""
    if rung is None or not rung.launches or not rung.ms_per_token:
        return
    share = rung.gap_host_ms / rung.ms_per_token
    if share <= limit("profiler-cost"):
        return
    decode = sum(one.phase == StepPhase.DECODE for one in steps)
    each = trace.host_ops / max(1, decode)
    operators = f", {each:,.0f} recorded operators a step" if each else ""
    yield finding(
        "profiler-cost",
        f"{share:.0%} of the step are pauses for the host, in all steps: {rung.launches:,.0f} "
        f"launches a token{operators}, {rung.gap_host_ms / rung.launches * 1e3:.1f} us of pause a "
        "launch; how much of it is the profiler's, the trace does not tell.",
    )


def _collectives(rung: StackRung | None) -> Iterator[TraceFinding]:
    if rung is None or not rung.waiting_ms or not rung.collectives_ms:
        return
    share = rung.waiting_ms / rung.collectives_ms
    if share > limit("waiting-collectives"):
        yield finding(
            "waiting-collectives",
            f"{rung.waiting_ms:.3f} of {rung.collectives_ms:.3f} ms a token are beyond the fastest "
            "collective of the same kind.",
        )


def _other_tokens(beside: Beside) -> Iterator[TraceFinding]:
    """More tokens than a step that was measured has query tokens for."""
    yardstick = beside.yardstick
    if yardstick is None or yardstick.step_ms is None:
        return
    if beside.tokens > yardstick.query_tokens:
        yield finding(
            "other-workload",
            f"A step of the trace yields {beside.tokens:g} tokens to each sequence, and one of "
            f"{yardstick.what} takes {yardstick.query_tokens}: give a record of --query-tokens.",
        )


def _other_workload(yardstick: Yardstick | None, named: Sequence[Entry]) -> Iterator[TraceFinding]:
    """Shapes and rows of the trace's products that the yardstick's step does not have."""
    gemms = {one.gemm for one in named if one.gemm is not None}
    if yardstick is None or not gemms:
        return
    known = {one for one in gemms if (one.n, one.k) in yardstick.shapes}
    if not known:
        some = ", ".join(f"{one.n} x {one.k}" for one in sorted(gemms, key=lambda one: one.n)[:4])
        yield finding(
            "other-workload",
            f"No product of the trace ({some}) has a shape of {yardstick.model.name} at tp = "
            f"{yardstick.tp}: what stands beside the roles is of another model ({yardstick.what}).",
        )
        return
    rows, tokens = max(one.m for one in known), yardstick.batch * yardstick.query_tokens
    if rows != tokens:
        yield finding(
            "other-workload",
            f"The products of the trace have {rows} rows and a step of {yardstick.what} has "
            f"{tokens}: what stands beside the roles is of another batch.",
        )


def _below(
    beside: Beside, named: Sequence[Entry], roles: Sequence[TracedRole]
) -> Iterator[TraceFinding]:
    """A step's total is always a bound, and so are a kernel's operations; its weights only where no
    cache can hold them."""
    yardstick = beside.yardstick
    card = None if yardstick is None else yardstick.hardware
    if yardstick is None or card is None:
        return
    floor_ms, busy_ms = beside.floor_ms, sum(row.ms for row in roles)
    if floor_ms is not None and 0 < busy_ms < floor_ms * ROUNDING:
        yield finding(
            "below-floor",
            f"The kernels take {busy_ms:.3f} ms in all, and the weights and the cache, or the "
            f"operations, {floor_ms:.3f} ms at least ({yardstick.what}).",
        )
    l2 = L2_IF_UNKNOWN if card.l2_mib is None else card.l2_mib * 2**20
    for one in named:
        if one.gemm is None or not one.calls or one.by == PlacedBy.TIME:
            continue
        nbytes = yardstick.gemm_bytes(one.gemm.n, one.gemm.k)
        if nbytes is None or one.seconds <= 0:
            continue
        each = one.seconds / one.calls
        least = (yardstick.gemm_least_ms(one.gemm) or 0.0) * 1e-3
        if each >= least * ROUNDING or one.role == Role.UNKNOWN:
            continue
        operations = 2 * one.gemm.m * one.gemm.n * one.gemm.k
        computed = (card.compute_ms(operations, yardstick.dtype) or 0.0) * 1e-3 * ROUNDING
        rate = nbytes / each / 1e9
        # a product of which a reduction is a part may have several kernels: the whole is the role
        if any(other is not one and other.gemm == one.gemm for other in named):
            continue
        yield finding(
            "below-floor" if nbytes > l2 or each < computed else "may-be-cached",
            f"{one.name[:80]} reads {nbytes / 1e6:.1f} MB in {each * 1e6:.1f} us: {rate:,.0f} "
            f"GB/s, of {card.bandwidth_gb_s:g} that {card.title} has; "
            f"{operations / each / 1e12:,.0f}e12 operations a second; cache: {l2 / 2**20:g} MiB.",
        )
    bytes_of, computed_ms = yardstick.bytes_of(beside.layers), beside.computed_ms()
    for row in roles:
        small = row.floor_ms is not None and row.ms < row.floor_ms * ROUNDING
        if not small or row.floor_ms is None or not row.calls or row.by == PlacedBy.TIME:
            continue
        nbytes = bytes_of[row.role] / max(1.0, row.calls)
        computes = row.ms < computed_ms[row.role] * ROUNDING
        yield finding(
            "below-floor" if nbytes > l2 or computes else "may-be-cached",
            f"{row.role} takes {row.ms:.3f} ms, and its bytes or operations {row.floor_ms:.3f} ms.",
        )


def _unknown(roles: Sequence[TracedRole]) -> Iterator[TraceFinding]:
    for row in roles:
        if row.role == Role.UNKNOWN and row.share > limit("unknown-kernels"):
            names = "; ".join(one.name[:80] for one in row.kernels[:3])
            yield finding("unknown-kernels", f"{row.share:.1%} of the time: {names}.")
