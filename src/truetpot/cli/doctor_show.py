"""What ``truetpot doctor`` prints while it looks."""

from __future__ import annotations

from collections.abc import Sequence

from truetpot.cli.screen import Screen
from truetpot.doctor.machine import Machine
from truetpot.records.doctor import Quick
from truetpot.records.providers import KernelEntry
from truetpot.report.doctor import (
    draw_check,
    draw_machine,
    draw_providers_short,
    draw_variables,
)
from truetpot.report.terminal import Terminal
from truetpot.runs.doctor import DoctorWatch


class DoctorScreen(Screen, DoctorWatch):
    """A table after the other."""

    def __init__(self, terminal: Terminal, variables: bool) -> None:
        super().__init__(terminal)
        self.variables = variables

    def looked(self, machine: Machine) -> None:
        """The machine; with it every variable that is known, where that was asked for."""
        self.terminal.show(draw_machine(machine))
        if self.variables:
            self.terminal.show("", draw_variables())

    def asked(self, device: str, kernels: Sequence[KernelEntry]) -> None:
        """How many kernels run here."""
        self.terminal.show("", draw_providers_short(kernels, device))

    def checked(self, quick: Quick) -> None:
        """Print the bandwidth and what launches cost."""
        self.terminal.show("", draw_check(quick))
