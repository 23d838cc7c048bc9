"""The ladder that people read, from a made-up one."""

import pytest
from msgspec.structs import replace
from rich.console import Console

from truetpot.records.opening import ClockRow, Environment
from truetpot.records.rungs import Ladder, OperatorRow, Rung, Rungs
from truetpot.report.ladder import describe_device, draw_ladder, draw_operators, draw_warnings


def text(*renderables, width=110):
    console = Console(width=width, record=True, file=None, highlight=False)
    with console.capture() as captured:
        for renderable in renderables:
            console.print(renderable)
    return captured.get()


@pytest.fixture
def ladder():
    row = OperatorRow(
        op="linear", role="down", provider="numba", count=64, median_s=3e-3, ci_s=(1.9e-3, 4e-3),
        cv=0.1, share=0.25, share_of_ceiling=0.91, bytes=75 << 20, case="m=1", at_step_s=2e-3,
    )  # fmt: skip

    def rung(ms, source, interval=None):
        return Rung(ms_per_token=ms, source=source, ci_ms=interval)

    return Ladder(
        rungs=Rungs(
            spec=rung(400.0, "17.260 GB / 43 GB/s of a card"),
            ceiling=rung(500.0, "measured"),
            kernels=rung(550.0, "sum of 12 kernels", (545.0, 556.0)),
            step=rung(561.0, "20 steps, noise", (560.0, 562.5)),
        ),
        losses={"ceiling/spec": 1.25, "kernels/ceiling": 1.1, "step/kernels": 1.02},
        share_of_ceiling=0.891,
        operators=(row, replace(row, role="rms", op="rms_norm", share_of_ceiling=None)),
        valid=True,
        warnings=("a note", "INVALID RUN: a reason"),
    )


def line(printed, start):
    (found,) = [line for line in printed.splitlines() if line.startswith(start + " ")]
    return found


def test_every_rung_with_its_ratio_and_loss(ladder):
    printed = text(draw_ladder(ladder, {}))
    table = printed.split("The step")[0]
    assert "400.0" in line(table, "spec")
    assert "1.250  hardware" in line(table, "ceiling")
    assert "545.0 to 556.0" in line(table, "kernels")
    assert "1.100  kernels: bytes" in line(table, "kernels")
    assert "1.020  launch and host" in line(table, "step")
    assert "reaches 89.1 % of the ceiling" in printed
    assert "17.260 GB / 43 GB/s of a card" in printed
    assert line(table, "spec").count("█") < line(table, "step").count("█")


def test_a_missing_rung_has_a_reason_or_no_line(ladder):
    fewer = replace(ladder, rungs=replace(ladder.rungs, spec=None), share_of_ceiling=None)
    printed = text(draw_ladder(fewer, {"spec": "no card"}))
    assert "no card" in line(printed, "spec")
    assert "serving" not in printed
    assert "of the ceiling" not in printed


def test_extrapolated_rungs_are_marked(ladder):
    rungs = replace(ladder.rungs, step=replace(ladder.rungs.step, extrapolated=True))
    printed = text(draw_ladder(replace(ladder, rungs=rungs), {}))
    assert "561.0*" in printed
    assert "* extrapolated" in printed
    assert "*" not in text(draw_ladder(ladder, {}))


def test_operators(ladder):
    printed = text(draw_operators(ladder))
    assert line(printed, "down").split() == [
        *("down", "linear", "numba", "64", "2,000", "25.0", "%", "91.0", "%")
    ]
    assert "from cache" in line(printed, "rms")


def test_an_invalid_run_is_red(ladder):
    assert draw_warnings(ladder) == [("a note", "yellow"), ("INVALID RUN: a reason", "bold red")]


def test_the_physical_device():
    environment = Environment(
        truetpot="0.1.0",
        commit=None,
        python="3.11",
        os="Linux",
        packages={},
        variables={},
        device={
            "name": "Intel(R) Arc(TM) A770 Graphics",
            "pci_address": "0000:03:00.0",
            "uuid": "8680a056",
            "driver": "1.6.32224",
        },
        clock=ClockRow(source="torch events", empty_pair_s=0.0),
        state={},
    )
    assert describe_device("xpu:1", environment) == (
        "xpu:1: Intel(R) Arc(TM) A770 Graphics, PCI 0000:03:00.0, UUID 8680a056, "
        "driver 1.6.32224, timed by torch events"
    )
