"""One kernel of a device image, counted as ours are: the row of the same table.

Nobody knows how it is launched or what its arguments are for: SYCL passes structs, and addresses
come out of them. So one pass over what it reads is taken, every load but those of local memory and
scratch counts as one from memory, and the largest input is the one of which an iteration loads the
most bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from truetpot.errors import UserError
from truetpot.facts.issue_rates import IssueRates
from truetpot.facts.latencies import all_latencies
from truetpot.isa.addresses import Access, accesses
from truetpot.isa.assembly import parse
from truetpot.isa.counted import hot, weights_per_byte
from truetpot.isa.loads import moved
from truetpot.isa.model import clocks
from truetpot.isa.row import Loop, Name, row
from truetpot.isa.scoreboard import alone
from truetpot.isa.trace import messages
from truetpot.isa.zeinfo import KernelInfo, YAMLError, read_info
from truetpot.ops import Case, Operator
from truetpot.records.isa import Inspection, Listing
from truetpot.text import escaped

NOT_FOLLOWED = "its launch is not known"
OP = "image"


@dataclass(frozen=True)
class Where:
    """Which kernel it is: the package, the library in it, the entry point and its target."""

    package: str
    library: str
    kernel: str
    """As the image has it."""
    target: str


@dataclass(frozen=True)
class Shape:
    """What it is held against: an operator on a case; None where none was given."""

    op: Operator
    case: Case
    batch: int


def inspect_image(
    where: Where, listing: Listing, rates: IssueRates, shape: Shape | None
) -> Inspection:
    """The row. Raises UserError where the listing is not understood."""
    code, info = parse(listing.assembly), _info(listing, where.kernel)
    width, latencies = rates.register_bytes, all_latencies()[where.target]
    sends = messages(code, width)
    found = accesses(code, info, width)
    looped, spots = hot(code, [one for one in found if _of_memory(one)])
    there = [one for one in found if one.index in spots]
    streamed = [one for one in there if _of_memory(one)]
    listed = [(i, code.instructions[i]) for i in sorted(spots)]
    asked = {one.index: moved([one]) for one in streamed if one.message.verb == "load"}
    single = alone(listed, sends, asked, looped != "kernel", rates, latencies)
    taken = clocks([one for _, one in listed], rates)
    loop = Loop(
        code, info, sends, rates, latencies, looped, spots, there, streamed, taken, single
    )
    name = Name(OP, where.package, where.kernel, where.library, where.target, "")
    weights, case_bytes = 0.0, None
    if shape is not None:
        name = replace(name, case=shape.case.label(), batch=shape.batch)
        weights = sum(asked.values()) * weights_per_byte(shape.case)
        case_bytes = shape.op.bytes(shape.case)
    return msgspec.structs.replace(row(name, loop, weights, case_bytes), not_followed=NOT_FOLLOWED)


def _of_memory(access: Access) -> bool:
    message = access.message
    return message.verb in ("load", "store") and message.space not in ("slm", "scratch")


def _info(listing: Listing, kernel: str) -> KernelInfo:
    try:
        return read_info(listing.info, kernel)
    except (AttributeError, LookupError, TypeError, ValueError, YAMLError) as error:
        raise UserError(
            f"The image's .ze_info does not say what {escaped(kernel)} needs "
            f"({type(error).__name__}); give an image of a compiler of Intel's."
        ) from None
