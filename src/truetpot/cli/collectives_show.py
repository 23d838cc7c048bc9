"""What ``truetpot kernels`` prints of collectives."""

from __future__ import annotations

from collections.abc import Sequence

from truetpot.cli.ended import code_of
from truetpot.cli.screen import Screen
from truetpot.records.opening import Environment
from truetpot.records.words import KernelStatus
from truetpot.report.collectives import draw_collectives
from truetpot.report.ladder import describe_device
from truetpot.report.terminal import Terminal
from truetpot.runs import collectives
from truetpot.runtime.group import Group
from truetpot.runtime.interrupts import uninterrupted


class CollectivesScreen(Screen):
    """The device, and how many ranks there are."""

    def __init__(self, terminal: Terminal, group: Group) -> None:
        super().__init__(terminal)
        self.group = group

    def begins(
        self, device: str, environment: Environment, warnings: Sequence[str], again: bool = False
    ) -> None:
        """Say what is to be measured, before anything is."""
        group = self.group
        self.say(describe_device(device, environment))
        self.say(f"{group.size} ranks over {group.backend or 'nothing: one rank alone'}")
        for warning in warnings:
            self.warn(warning)


def run_and_show(request: collectives.Request, json: str | None, terminal: Terminal) -> int:
    """Measure, show what came of it, and give the exit code of the command."""
    screen = CollectivesScreen(terminal, request.setting.device.group)
    ended = collectives.run(request, json, screen)
    results = ended.record.results
    with uninterrupted():
        able = {(r.op, r.provider) for r in results if r.status is not KernelStatus.SKIPPED}
        terminal.show("", draw_collectives([r for r in results if (r.op, r.provider) in able]))
        lost = {(r.op, r.provider): r.reason for r in results if (r.op, r.provider) not in able}
        for (op_name, provider), reason in lost.items():
            terminal.show(f"{provider} {op_name} not measured: {reason}")
        terminal.draw(ended.record)
    return code_of(ended)
