"""Which compilations there are: every build of every OpenCL kernel over a decode step's cases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from truetpot.decode.cases import StepCase
from truetpot.errors import KernelError
from truetpot.isa.configs import chosen, named_config
from truetpot.isa.launch import Offline
from truetpot.ops import MEMORY_READ, Case, MemoryReadCase, Operator
from truetpot.ops.guard import guarded, named, who
from truetpot.ops.registry import REGISTRY, Config
from truetpot.runtime.opencl.build import Build
from truetpot.runtime.opencl.target import Target

PROVIDER = "opencl"
CEILING = StepCase(MEMORY_READ, MemoryReadCase("fp32", 1 << 28), ("ceiling",), 0)
"""What every kernel is held against, itself no part of a step."""


@dataclass(frozen=True)
class Job:
    """One build for one target, with the case that estimates are for."""

    op: Operator
    provider: str
    case: Case
    roles: tuple[str, ...]
    build: Build
    target: str
    config: Config = field(default_factory=dict)
    """Launch parameters, whole."""
    kernel: Any = None
    """The class that is launched."""

    @property
    def batch(self) -> int:
        """Rows of x, or sequences, that the case decodes at once."""
        first = getattr(self.case, "parts", (self.case,))[0]
        return int(getattr(first, "m", getattr(first, "batch", 1)))

    @property
    def key(self) -> tuple[Any, ...]:
        """What distinguishes one compilation from another."""
        macros = tuple(sorted((name, str(value)) for name, value in self.build.macros.items()))
        build = (self.build.source, self.build.function, macros, self.build.subgroup)
        config = tuple(sorted((name, str(value)) for name, value in self.config.items()))
        return (self.target, self.op.name, self.provider, self.batch, config, *build)


def find_jobs(
    cases: Iterable[StepCase],
    targets: Iterable[Target],
    providers: Sequence[str] = (PROVIDER,),
    asked: str | Config | None = None,
) -> tuple[list[Job], dict[str, str]]:
    """Every distinct job, and why the other cases have no kernel. `asked` as of --config.

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
                selection = REGISTRY.choose(one.op.name, one.case, device, provider)
                kernel: Any = selection.kernel
                if kernel is None:
                    name = f"{one.op.name} of {provider}, {one.case.label()}"
                    refused[name] = selection.reason
                    continue
                try:
                    with guarded(named(kernel, one.case), who(kernel, one.case)):
                        pairs = [
                            (config, build)
                            for config in chosen(kernel, one.case, device, asked)
                            for build in kernel.builds(one.case, target, **config)
                        ]
                except KernelError as fault:
                    refused[f"{one.op.name} of {provider}, {one.case.label()}"] = str(fault)
                    continue
                if not pairs:
                    name = f"{one.op.name} of {provider}, {one.case.label()}"
                    refused[name] = f"no configuration has {named_config(asked)}"
                for config, build in pairs:
                    job = Job(
                        one.op, provider, one.case, one.roles, build, target.name, config, kernel
                    )
                    jobs.setdefault(job.key, job)
    order = list(dict.fromkeys(one.op.name for one in ranked))
    found = sorted(jobs.values(), key=lambda job: order.index(job.op.name))
    return found, refused
