"""Which compilations the jobs need: jobs whose compiler is given the same share one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from truetpot.isa import kept
from truetpot.isa.jobs import Job
from truetpot.isa.ocloc import Ocloc
from truetpot.kernels._lib.opencl.kernel import source_text
from truetpot.records.isa import Listing
from truetpot.runtime.opencl.build import options

_OURS = "truetpot.kernels."
"""Where a kernel's module is one of ours."""


@dataclass(frozen=True)
class Compilation:
    """A source with its options for a target, and the jobs that it serves, with their places."""

    source: str
    function: str
    options: tuple[str, ...]
    target: str
    jobs: tuple[tuple[int, Job], ...]

    def compile(self, ocloc: Ocloc) -> Listing:
        """Compile it, or take it from the cache. Raises as :meth:`Ocloc.compile` does."""
        return ocloc.compile(self.source, self.function, self.options, self.target)

    def kept_as(self, job: Job, ocloc: Ocloc) -> str | None:
        """What the inspection of one of its jobs is kept under.

        None where the kernel is not ours: how it is launched is its own code's, which may change.
        """
        if not job.kernel.__module__.startswith(_OURS):
            return None
        listing = ocloc.name_of(self.source, self.function, self.options, self.target)
        words = (job.op.name, job.provider, repr(job.case), job.build.variant, repr(job.roles))
        config = repr(sorted(job.config.items()))
        return kept.name_of(kept.this_code(), listing, job.kernel.__qualname__, *words, config)


def compilations(jobs: Iterable[Job]) -> list[Compilation]:
    """Each once, in the order of the first job that needs it."""
    texts: dict[str, str] = {}
    found: dict[tuple[str, str, tuple[str, ...], str], list[tuple[int, Job]]] = {}
    for i, job in enumerate(jobs):
        build = job.build
        if build.source not in texts:
            texts[build.source] = source_text(build)
        what = (texts[build.source], build.function, options(build), job.target)
        found.setdefault(what, []).append((i, job))
    return [Compilation(*what, tuple(places)) for what, places in found.items()]
