"""What ``truetpot kernels`` prints while it runs and at its end."""

from __future__ import annotations

from collections.abc import Sequence

from truetpot.cli.ended import code_of
from truetpot.cli.screen import Screen
from truetpot.measure.ceiling import Ceiling
from truetpot.measure.kernel_result import Row
from truetpot.report.kernels import draw_case, draw_head
from truetpot.report.terminal import Terminal
from truetpot.runs import kernels
from truetpot.runtime.interrupts import uninterrupted


class KernelsScreen(Screen, kernels.KernelsWatch):
    """The ceiling, then case after case."""

    def found(self, ceiling: Ceiling) -> None:
        """A line for each of bytes and operations."""
        self.tell(f"ceiling: {ceiling.bandwidth / 1e9:.1f} GB/s ({ceiling.provider})")
        if (gemm := ceiling.gemm) is not None:
            self.tell(f"ceiling of operations: {gemm.rate / 1e12:.3g} TFLOPS ({gemm.name})")
        for sentence in ceiling.left_out:
            self.fault(sentence)

    def case(self, rows: Sequence[Row], first: bool) -> None:
        """Its lines, the columns' names above the first."""
        self.terminal.show(*(("", draw_head()) if first else ()), draw_case(rows))


def run_and_show(request: kernels.Request, json: str | None, terminal: Terminal) -> int:
    """Measure, show what came of it, and give the exit code of the command."""
    ended = kernels.run(request, json, KernelsScreen(terminal))
    with uninterrupted():
        if ended.interrupted:
            terminal.say("Interrupted: this is what was measured.", "yellow")
        terminal.draw(ended.record)
    return code_of(ended)
