"""Ranks merged, and what they spend on each other, against tables worked out by hand."""

import pytest
from msgspec.structs import replace

from truetpot.ladder import Extent, KernelTiming, StepTimings, Swept, Work, build_ladder, merged
from truetpot.ladder.ranks import skew
from truetpot.records.rungs import Ladder, OperatorRow, RankRow, Rung, Rungs

from .conftest import kernel, timed


def collective(role, seconds, count, payload, **fields):
    return KernelTiming(
        timed(role, seconds), role, "all_reduce", "torch", "m=1", count,
        collective=True, payload_bytes=payload, **fields,
    )  # fmt: skip


@pytest.fixture
def timings():
    """One layer of four measured: a twice a layer, its sum once; the logits gathered once."""
    return StepTimings(
        timed("step", [20.0] * 6),
        [
            kernel("a", [4.0] * 6, count=2),
            kernel("lm_head", [2.0] * 6, layered=False),
            collective("sum", [1.0] * 6, 1, 100),
            collective("gather", [3.0] * 6, 1, 1000, layered=False),
        ],
        timed("ceiling", [1.0] * 6, bytes=1 << 20),
        backend="gloo",
    )


def test_communication_by_hand(timings):
    ladder = build_ladder(Work(1 << 22), Extent(1, 1), None, Swept("numba", 1.0), timings)
    talk = ladder.communication
    assert (talk.backend, talk.count, talk.payload_bytes) == ("gloo", 2, 1100)
    assert talk.alone_ms == pytest.approx(4e3)
    # the step's 20 s less the kernels' 2 x 4 + 2
    assert talk.exposed_ms == pytest.approx(10e3)


def test_communication_of_four_layers_by_hand(timings):
    # kernels 8 x 4 + 2 = 34, collectives 4 + 3 = 7; with one layer 10 and 4: 20 s x 41 / 14
    ladder = build_ladder(Work(1 << 22), Extent(1, 4), None, Swept("numba", 1.0), timings)
    talk = ladder.communication
    assert (talk.count, talk.payload_bytes) == (5, 1400)
    assert talk.alone_ms == pytest.approx(7e3)
    assert ladder.rungs.step.ms_per_token == pytest.approx(20e3 * 41 / 14)
    assert talk.exposed_ms == pytest.approx(20e3 * 41 / 14 - 34e3)


def test_one_rank_alone_has_no_communication(timings):
    timings.kernels = timings.kernels[:2]
    ladder = build_ladder(Work(9), Extent(1, 1), None, Swept("numba", 1.0), timings)
    assert ladder.communication is None


def row(rank, kernels, step=30.0, collectives=1.0, **state):
    return RankRow(
        rank=rank, host="here", device=f"xpu:{rank}", name="a card", uuid=None,
        pci_address=f"0000:0{rank}:00.0", kernels_ms=kernels, collectives_ms=collectives,
        step_ms=step, ceiling_gb_s=400.0, state=state,
    )  # fmt: skip


def ladder(kernels, step, ceiling=16.0, valid=True, warnings=(), role="a"):
    def rung(ms, source):
        return Rung(ms_per_token=ms, source=source)

    operator = OperatorRow(
        op="linear", role=role, provider="torch", count=1, median_s=1.0, ci_s=(1.0, 1.0), cv=0.0,
        share=1.0, share_of_ceiling=None, bytes=1, case="m=1",
    )  # fmt: skip
    return Ladder(
        rungs=Rungs(
            spec=rung(10.0, "sheet"), ceiling=rung(ceiling, "read"),
            kernels=rung(kernels, "sum"), step=rung(step, "steps"),
        ),
        operators=(operator,), valid=valid, warnings=warnings, share_of_ceiling=ceiling / step,
    )  # fmt: skip


def test_each_rung_is_the_slowest_ranks():
    found = merged(
        [ladder(20.0, 30.0), ladder(24.0, 29.0, ceiling=18.0, role="b")], [row(0, 20), row(1, 24)]
    )
    rungs = {name: (rung.ms_per_token, rung.source) for name, rung in found.rungs.present()}
    assert rungs == {
        "spec": (10.0, "sheet"),
        "ceiling": (18.0, "rank 1, the slowest: read"),
        "kernels": (24.0, "rank 1, the slowest: sum"),
        "step": (30.0, "rank 0, the slowest: steps"),
    }
    # what is printed can be divided
    assert found.losses == pytest.approx(
        {"ceiling/spec": 1.8, "kernels/ceiling": 24 / 18, "step/kernels": 1.25}
    )
    assert found.share_of_ceiling == pytest.approx(0.6)
    assert found.operators[0].role == "b", "of the rank whose kernels are slowest"
    assert [one.rank for one in found.ranks] == [0, 1]


def test_communication_of_several_ranks():
    from truetpot.records.rungs import Communication

    talk = Communication(backend="xccl", count=129, payload_bytes=7, alone_ms=1.0, exposed_ms=9.0)
    one = replace(ladder(20.0, 30.0), communication=talk)
    found = merged([one, ladder(24.0, 29.0)], [row(0, 20), row(1, 24, collectives=3.0)])
    assert found.communication.alone_ms == 3.0
    assert found.communication.exposed_ms == pytest.approx(6.0)
    assert found.communication.count == 129


def test_what_one_rank_says_is_said_with_its_number():
    first = ladder(20.0, 30.0, warnings=("both",))
    second = ladder(20.0, 30.0, valid=False, warnings=("both", "INVALID RUN: mine"))
    found = merged([first, second], [row(0, 20), row(1, 20)])
    assert not found.valid
    assert found.warnings == ("both", "rank 1: INVALID RUN: mine")


def test_a_slow_card_is_named_with_its_state():
    assert skew([row(0, 20.0), row(1, 20.9)]) is None
    assert skew([row(0, 20.0), row(1, 21.0, clock_mhz=[900, 1200], temperature_c=91)]) == (
        "rank 1 is slow (xpu:1 on here, 0000:01:00.0; 1200 MHz, 91 C): its kernels take 1.05 times "
        "those of rank 0"
    )
