"""The bytes that an address is in."""

import pytest

from truetpot.isa.assembly import parse
from truetpot.isa.relevant import address_mask

REGISTER = 32


@pytest.mark.parametrize(
    ("line", "nbytes"),
    [
        ("(W) send.ugm (1|M0) r37 r21 null:0 0x0 0x0 // wr:1+0, rd:4; load.ugm.d32x32t.a32", 4),
        ("(W) send.ugm (1|M0) r37 r21 null:0 0x0 0x0 // wr:1+0, rd:4; load.ugm.d32x32t.a64", 8),
        ("send.ugm (8|M0) r37 r21 null:0 0x0 0x0 // wr:1+0, rd:4; load.ugm.d32x4.a32.bti[1]", 32),
        ("send.ugm (8|M0) r37 r21 null:0 0x0 0x0 // wr:2+0, rd:4; load.ugm.d32x4.a64", 64),
    ],
)  # fmt: skip
def test_a_block_has_one_address_and_a_lane_has_its_own(line, nbytes):
    """What a load left in the rest of a block's address register makes no address."""
    (send,) = parse(line).instructions
    assert address_mask(send, REGISTER) == ((1 << nbytes) - 1) << 21 * REGISTER
