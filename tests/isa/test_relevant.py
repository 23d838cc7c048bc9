"""The bytes that an address is in."""

import pytest

from truetpot.isa.assembly import parse
from truetpot.isa.relevant import address_mask, relevant, written_mask

REGISTER = 32


@pytest.mark.parametrize(
    ("line", "nbytes"),
    [
        ("(W) send.ugm (1|M0) r37 r21 null:0 0x0 0x0 // wr:1+0, rd:4; load.ugm.d32x32t.a32", 4),
        ("(W) send.ugm (1|M0) r37 r21 null:0 0x0 0x0 // wr:1+0, rd:4; load.ugm.d32x32t.a64", 8),
        ("send.ugm (8|M0) r37 r21 null:0 0x0 0x0 // wr:1+0, rd:4; load.ugm.d32x4.a32.bti[1]", 32),
        ("send.ugm (8|M0) r37 r21 null:0 0x0 0x0 // wr:2+0, rd:4; load.ugm.d32x4.a64", 64),
        ("(W) send.ugm (1|M0) r37 r21 null:0 0x0 0x0 // wr:1+0, rd:4; load.ugm.d32x4.a32", 4),
    ],
)  # fmt: skip
def test_a_block_has_one_address_and_a_lane_has_its_own(line, nbytes):
    """What a load left in the rest of a block's address register makes no address."""
    (send,) = parse(line).instructions
    assert address_mask(send, REGISTER) == ((1 << nbytes) - 1) << 21 * REGISTER


CARRY = """\
L0:
send.ugm (8|M0) r13 r4 null:0 0x0 0x0 // wr:1+0, rd:1; load.ugm.d32.a32.bti[2]
mov (8|M0) acc0.0<1>:f r13.0<1;1,0>:hf
(W) addc (1|M0) r14.0<1>:ud r88.0<0;1,0>:ud 0x8:ud {AccWrEn}
(W) mov (1|M0) r4.0<1>:ud acc0.0<0;1,0>:ud
(W) send.ugm (1|M0) r20 r14 null:0 0x0 0x0 // wr:1+0, rd:1; load.ugm.d32x8t.a32.bti[1]
(W) send.ugm (1|M0) r21 r4 null:0 0x0 0x0 // wr:1+0, rd:1; load.ugm.d32x8t.a32.bti[1]
(W) mul (1|M0) acc0.0<1>:d r13.0<0;1,0>:ud r88.0<0;1,0>:uw
(W) mach (1|M0) r22.0<1>:d r88.1<0;1,0>:ud r88.0<0;1,0>:d
(W) send.ugm (1|M0) r23 r22 null:0 0x0 0x0 // wr:1+0, rd:1; load.ugm.d32x8t.a32.bti[1]
"""


def test_a_carry_does_not_follow_from_what_the_accumulator_had_but_a_product_does():
    code = parse(CARRY)

    def depends(load):
        def seeds(i):
            return address_mask(code.instructions[i], REGISTER) if i == load else 0

        _, needed = relevant(code, REGISTER, seeds)
        return bool(written_mask(code.instructions[0], REGISTER) & needed[0])

    assert [depends(load) for load in (4, 5, 8)] == [False, False, True]
