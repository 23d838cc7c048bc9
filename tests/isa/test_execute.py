"""The part of a machine code that addresses and branches follow from, executed."""

import numpy as np
import pytest

from truetpot.isa.assembly import Operand, parse
from truetpot.isa.execute import UnknownError, Walk
from truetpot.isa.state import State

DG2 = 32
END = "(W) send.gtwy (8|M0) null r127 null:0 0x0 0x0 {EOT} // wr:1+0, rd:0; end of thread\n"


def executed(text, lanes=8, known=None, most=1000):
    """The state behind a listing, and how often each instruction was executed."""
    code = parse(text + END)
    state = State(DG2, lanes)
    for register, values in (known or {}).items():
        state.put(register, np.array(values, np.int32).view(np.uint8))
    walk = Walk(code, set(range(len(code.instructions))), most)
    counts = walk.run(state, lambda *args: None)
    return state, counts


def lanes_of(state, register, count=8, kind="d"):
    values, known = state.read(Operand("r", register, type=kind), count)
    assert known.all()
    return values.tolist()


ONE_EACH = """\
L0:
(W) mov (8|M0) r2.0<1>:w 0x76543210:v
mov (8|M0) r4.0<1>:d r2.0<1;1,0>:w
mov (8|M0) r5.0<1>:d 0:w
L48:
add (8|M0) r5.0<1>:d r5.0<1;1,0>:d 1:w
cmp (8|M0) (lt)f0.0 null<1>:d r5.0<1;1,0>:d r4.0<1;1,0>:d
(f0.0) goto.b (8|M0) L96 L48
L96:
join (8|M0) L112
L112:
add (8|M0) r6.0<1>:d r5.0<1;1,0>:d 100:w
"""


def test_each_item_goes_round_as_often_as_it_has_to():
    state, counts = executed(ONE_EACH)
    assert lanes_of(state, 5) == [1, 1, 2, 3, 4, 5, 6, 7]
    assert counts[3] == 7  # as often as the one that goes round most
    assert counts[7] == 1 and lanes_of(state, 6) == [101, 101, 102, 103, 104, 105, 106, 107]


TWO_WAYS = """\
L0:
(W) mov (8|M0) r2.0<1>:w 0x76543210:v
cmp (8|M0) (lt)f0.0 null<1>:d r2.0<1;1,0>:w 3:w
(~f0.0) goto (8|M0) L80 L80
L48:
mov (8|M0) r5.0<1>:d 1:w
goto (8|M0) L80 L112
L80:
join (8|M0) L112
L96:
mov (8|M0) r5.0<1>:d 2:w
L112:
join (8|M0) L128
L128:
(f0.0) sel (8|M0) r6.0<1>:d r5.0<1;1,0>:d 7:w
sel (8|M0) (lt)f1.0 r7.0<1>:d r5.0<1;1,0>:d r6.0<1;1,0>:d
"""


def test_both_ways_of_a_branch_and_what_they_meet_in():
    state, counts = executed(TWO_WAYS)
    assert lanes_of(state, 5) == [1, 1, 1, 2, 2, 2, 2, 2]
    assert lanes_of(state, 6) == [1, 1, 1, 7, 7, 7, 7, 7]
    assert lanes_of(state, 7) == [1, 1, 1, 2, 2, 2, 2, 2]
    assert counts[3] == counts[6] == 1


ARITHMETIC = """\
L0:
(W) mul (1|M0) acc0.0<1>:ud r2.0<0;1,0>:ud r2.2<0;1,0>:uw
(W) mach (1|M0) r3.0<1>:ud r2.0<0;1,0>:ud r2.1<0;1,0>:ud
(W) mach (1|M0) r3.1<1>:ud r2.0<0;1,0>:ud r2.1<0;1,0>:ud {AccWrEn}
(W) mov (1|M0) r3.2<1>:ud acc0.0<0;1,0>:ud
(W) shr (1|M0) r3.3<1>:ud r2.2<0;1,0>:ud 1:w
(W) asr (1|M0) r3.4<1>:d r2.2<0;1,0>:d 1:w
(W) bfn.0xF8 (1|M0) r3.5<1>:ud r2.0<0;0>:ud r2.1<0;0>:ud 0x1:ud // s0&s1|s2
(W) add3 (1|M0) r3.6<1>:d r2.0<0;0>:d r2.1<0;0>:d -3:w
(W) mov (1|M0) r3.7<1>:d r2.1<0;1,0>:ub
"""


def test_arithmetic_as_the_machine_does_it():
    state, _ = executed(ARITHMETIC, known={2: [0x10003, 0x20005, -6, 0, 0, 0, 0, 0]})
    product = 0x10003 * 0x20005
    low, high, again, logical, arithmetic, bits, total, byte = lanes_of(state, 3, kind="ud")
    assert (low, high, again) == (product & 0xFFFFFFFF, product >> 32, product & 0xFFFFFFFF)
    assert (logical, arithmetic) == ((2**32 - 6) >> 1, 2**32 - 3)
    assert (bits, total) == (0x10003 & 0x20005 | 1, 0x10003 + 0x20005 - 3)
    assert byte == 0


DIVISION = """\
L0:
(W) xor (1|M0) cr0.0<1>:ud cr0.0<0;1,0>:ud 0x30:uw
(W) mov (1|M0) r3.0<1>:f r2.0<0;1,0>:ud
(W) mov (1|M0) r3.1<1>:f r2.1<0;1,0>:ud
(W) math.inv (1|M0) r3.2<1>:f r3.1<0;1,0>:f
(W) mul (1|M0) r3.3<1>:f r3.0<0;1,0>:f r3.2<0;1,0>:f
(W) mov (1|M0) r4.0<1>:ud r3.3<0;1,0>:f
"""


def test_a_division_in_floating_point_is_followed_with_its_rounding():
    state, _ = executed(DIVISION, known={2: [16777217, 3, 0, 0, 0, 0, 0, 0]})
    assert lanes_of(state, 4, 1) == [16777216 // 3]


LOADED = """\
L0:
(W) mov (1|M0) r5.0<1>:d 0:w
L16:
(W) add (1|M0) r5.0<1>:d r5.0<0;1,0>:d 1:w
cmp (8|M0) (lt)f0.0 null<1>:d r5.0<0;1,0>:d r9.0<1;1,0>:d
"""


def test_a_loop_that_ends_by_what_was_loaded_is_not_followed():
    with pytest.raises(UnknownError, match="loop"):
        executed(LOADED + "(f0.0) goto.b (8|M0) L64 L16\nL64:\njoin (8|M0) L80\nL80:\n")


def test_a_guard_on_what_was_loaded_lets_everything_through():
    guard = "(f0.0) goto (8|M0) L80 L80\nL64:\nmov (8|M0) r6.0<1>:d 3:w\n"
    state, counts = executed(LOADED + guard + "L80:\njoin (8|M0) L96\nL96:\n")
    assert counts[4] == 1 and lanes_of(state, 6) == [3] * 8
    assert not state.sure


NO_NUMBER = """\
L0:
(W) mov (1|M0) r3.0<1>:hf -qnan(0x1FF):hf
(W) mov (1|M0) r4.0<1>:f snan(0x12345):f
(W) mov (1|M0) r4.0<1>:f r4.0<0;1,0>:f
(W) shl (1|M0) r5.0<1>:d r3.0<0;1,0>:w r2.0<0;1,0>:d
"""


def test_bits_that_are_no_number_are_moved_as_they_are():
    """Compilers write the integer -1 as a half: of it, a mask of the tokens of a page is made."""
    state, _ = executed(NO_NUMBER, known={2: [4] * 8})
    assert lanes_of(state, 5, 1) == [-16]
    assert lanes_of(state, 4, 1) == [0x7F812345]


def test_of_a_type_that_is_not_computed_nothing_is_known():
    state, _ = executed("L0:\n(W) mov (1|M0) r3.0<1>:bf r2.0<0;1,0>:f\n", known={2: [0x3F800000]})
    assert not state.read(Operand("r", 3, type="uw"), 1)[1].any()


CARRY = """\
L0:
(W) addc (1|M0) r3.0<1>:ud r2.0<0;1,0>:ud r2.1<0;1,0>:ud {AccWrEn}
(W) mov (1|M0) r3.1<1>:ud acc0.0<0;1,0>:ud
(W) subb (1|M0) r3.2<1>:ud r2.1<0;1,0>:ud r2.0<0;1,0>:ud {AccWrEn}
(W) mov (1|M0) r3.3<1>:ud acc0.0<0;1,0>:ud
(W) add (1|M0) r3.4<1>:d r2.1<0;1,0>:d 5:w {AccWrEn}
(W) mov (1|M0) r3.5<1>:d acc0.0<0;1,0>:d
(W) addc (1|M0) r4.0<1>:ud r2.0<0;1,0>:ud r90.0<0;1,0>:ud {AccWrEn}
(W) mov (1|M0) r4.1<1>:ud acc0.0<0;1,0>:ud
"""


def test_the_accumulator_has_carry_borrow_or_what_was_computed():
    state, _ = executed(CARRY, known={2: [-1, 2, 0, 0, 0, 0, 0, 0]})
    assert lanes_of(state, 3, 6) == [1, 1, 3, 1, 7, 7]


def test_the_carry_of_what_is_not_known_is_not_known():
    state, _ = executed(CARRY, known={2: [-1, 2, 0, 0, 0, 0, 0, 0]})
    assert not state.read(Operand("r", 4), 2)[1].any()


def test_instructions_that_nothing_follows_from_take_no_steps():
    """400,000 of them: a loop over a long row of W that is unrolled has as many."""
    idle = "add (8|M0) r9.0<1>:f r9.0<1;1,0>:f r9.0<1;1,0>:f\n" * 100
    text = "L0:\n(W) mov (1|M0) r5.0<1>:d 0:w\nL16:\n" + idle
    text += "(W) add (1|M0) r5.0<1>:d r5.0<0;1,0>:d 1:w\n"
    text += "(W) cmp (8|M0) (lt)f0.0 null<1>:d r5.0<0;1,0>:d 4000:w\n(W&f0.0) jmpi L16\n" + END
    code = parse(text)
    walk = Walk(code, {0, 101, 102}, most=20_000)
    counts = walk.run(State(DG2, 8), lambda *args: None)
    assert counts.tolist() == [1, *[4000] * 103, 1]
    with pytest.raises(UnknownError, match="20000 instructions"):
        walk.run(State(DG2, 8), lambda *args: None)  # the next sub-group has what is left


def test_a_loop_without_end_is_given_up():
    with pytest.raises(UnknownError, match="instructions"):
        executed("L0:\n(W) jmpi L0\n")
