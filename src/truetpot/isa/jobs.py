"""Which compilations there are: every build of every OpenCL kernel over a decode step's cases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from truetpot.decode.cases import StepCase
from truetpot.errors import KernelError
from truetpot.ops import MEMORY_READ, Case, MemoryReadCase, Operator
from truetpot.ops.guard import guarded, named, who
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.opencl.build import Build
from truetpot.runtime.opencl.device import OpenClDevice
from truetpot.runtime.opencl.target import Target

PROVIDER = "opencl"
CEILING = StepCase(MEMORY_READ, MemoryReadCase("fp32", 1 << 28), ("ceiling",), 0)
"""What every kernel is held against, itself no part of a step."""


class Offline(OpenClDevice):
    """A card that is compiled for and not there: as much of one as kernels choose by."""

    def __init__(self, target: Target) -> None:
        self.name, self.target = target.name, target


@dataclass(frozen=True)
class Job:
    """One build for one target, with the case that estimates are for."""

    op: Operator
    provider: str
    case: Case
    roles: tuple[str, ...]
    build: Build
    target: str

    @property
    def batch(self) -> int:
        """Rows of x, or sequences, that the case decodes at once."""
        first = getattr(self.case, "parts", (self.case,))[0]
        return int(getattr(first, "m", getattr(first, "batch", 1)))

    @property
    def key(self) -> tuple[Any, ...]:
        """What one compilation is told from another by."""
        macros = tuple(sorted((name, str(value)) for name, value in self.build.macros.items()))
        build = (self.build.source, self.build.function, macros, self.build.subgroup)
        return (self.target, self.op.name, self.provider, self.batch > 1, *build)


def find_jobs(
    cases: Iterable[StepCase], targets: Iterable[Target], providers: Sequence[str] = (PROVIDER,)
) -> tuple[list[Job], dict[str, str]]:
    """Every distinct job, and why the other cases have no kernel.

    A build that serves several cases is looked at with the one that a step calls most often, of
    those the one with the most bytes. Raises KernelError where a kernel cannot name its builds.
    """
    jobs: dict[tuple[Any, ...], Job] = {}
    refused: dict[str, str] = {}
    ranked = sorted(cases, key=lambda c: (c.count, c.op.bytes(c.case)), reverse=True)
    for target in targets:
        device = Offline(target)
        for one in ranked:
            for provider in providers:
                kernel: Any = REGISTRY.find(one.op.name, provider, one.case, device)
                if isinstance(kernel, str):
                    refused[f"{one.op.name} of {provider}, {one.case.label()}"] = kernel
                    continue
                try:
                    with guarded(named(kernel, one.case), who(kernel, one.case)):
                        config = dict(next(iter(kernel.configs(one.case, device)), {}))
                        builds = [*kernel.builds(one.case, target, **config)]
                except KernelError as fault:
                    refused[f"{one.op.name} of {provider}, {one.case.label()}"] = str(fault)
                    continue
                for build in builds:
                    job = Job(one.op, provider, one.case, one.roles, build, target.name)
                    jobs.setdefault(job.key, job)
    order = list(dict.fromkeys(one.op.name for one in ranked))
    found = sorted(jobs.values(), key=lambda job: order.index(job.op.name))
    return found, refused
