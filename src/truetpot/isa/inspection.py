"""One of our kernels in machine code, counted, with what its launch tells."""

from __future__ import annotations

import hashlib

import msgspec

from truetpot.facts.issue_rates import IssueRates
from truetpot.isa.counted import Counted
from truetpot.isa.jobs import Job
from truetpot.isa.launch import Launch
from truetpot.isa.row import Launched, Loop, Name, row
from truetpot.kernels._lib.opencl.kernel import source_text
from truetpot.records.isa import Inspection, Listing
from truetpot.runtime.opencl.build import options


def inspect(job: Job, listing: Listing, launch: Launch | str, rates: IssueRates) -> Inspection:
    """What the compiler made of a job. Raises UserError where the listing is not understood."""
    one = Counted(job, listing, launch, rates)
    followed, iterations, weights = one.followed, one.iterations(), one.weights()
    name = Name(
        job.op.name, job.provider, job.build.function, job.build.variant, job.target,
        job.case.label(), tuple(job.roles), job.batch,
    )  # fmt: skip
    loop = Loop(
        one.code, one.info, one.sends, rates, one.latencies, one.where, one.spots, one.there,
        one.streamed, one.iteration_clocks(), one.alone(),
    )  # fmt: skip
    nbytes = None
    if iterations and followed.kernel_bytes:
        nbytes = followed.kernel_bytes / iterations
    launched = Launched(
        followed.groups, iterations, nbytes, followed.kernel_bytes, one.products(),
        one.dependent(), followed.passes, followed.beyond,
    )  # fmt: skip
    return msgspec.structs.replace(
        row(name, loop, weights, job.op.bytes(job.case), launched),
        config={key: str(value) for key, value in job.config.items()},
        macros={key: str(value) for key, value in job.build.macros.items()},
        options=[*options(job.build)],
        source_digest=hashlib.sha256(source_text(job.build).encode()).hexdigest(),
        work_groups=None if followed.launch is None else followed.launch.work_groups,
        sub_groups=None if followed.launch is None else followed.sub_groups,
        outside_loop=one.outside(),
        products_per_weight=launched.products if weights else None,
        not_followed=followed.reason,
    )
