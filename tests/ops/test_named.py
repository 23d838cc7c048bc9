"""Launch parameters as a user types them, against those that a kernel has."""

import pytest

from truetpot.errors import UserError
from truetpot.ops import SILU_MUL, SiluMulCase
from truetpot.ops.named import chosen, matching
from truetpot.ops.registry import Kernel
from truetpot.records.words import Origin

KNOWN = [
    {"rows": 4, "split": 8, "fast": False},
    {"rows": 4, "split": 4, "fast": True},
    {"rows": 2, "split": 8, "fast": False},
    {"rows": 1, "split": 1, "fast": False},
    {"rows": 1, "split": 2, "fast": False},
    {"waves": 2.0, "mode": "auto"},
]
WITHHELD = [({"grf": 256}, "the driver refuses -cl-intel-256-GRF-per-thread."),
            ({"rows": 8, "split": 1}, "it spills")]  # fmt: skip


def find(**named):
    return matching(named, KNOWN, "the kernel", WITHHELD)


@pytest.mark.parametrize(
    ("named", "index"),
    [
        ({"rows": "4"}, 0),
        ({"rows": "2"}, 2),
        ({"fast": "true"}, 1),
        ({"rows": "1", "split": "2"}, 4),
        ({"waves": "2"}, 5),
        ({"mode": "AUTO"}, 5),
        ({"split": "8", "rows": "4", "fast": "False"}, 0),
    ],
)
def test_values_left_out_are_the_defaults(named, index):
    assert find(**named) == KNOWN[index]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"rows": "3"}, "has rows = 4, 2, 1; choose one of them"),
        ({"rows": "x"}, "has rows = 4, 2, 1; choose one of them"),
        ({"row": "2"}, "has no parameter row; it has rows (4, 2, 1), split (8, 4, 1, 2)"),
        ({"rows": "2", "split": "1"}, "split is 8 beside rows=2"),
        ({"rows": "2", "waves": "2"}, "waves is not there beside rows=2"),
        ({"rows": "1"}, "name split (1, 2), fast (False) too"),
        ({"grf": "256"}, "not offered here: the driver refuses -cl-intel-256-GRF-per-thread."),
        ({"rows": "8", "split": "1", "fast": "true"}, "not offered here: it spills."),
        ({"rows": "8"}, "choose one of them"),
    ],
)
def test_what_is_illegal_is_said_with_what_is_legal(named, said):
    with pytest.raises(UserError) as raised:
        find(**named)
    assert said in str(raised.value)
    assert str(raised.value).endswith(".")


def test_a_kernel_without_parameters():
    with pytest.raises(UserError, match="has no launch parameters; leave --config out"):
        matching({"rows": "1"}, [{}], "the kernel")


class Mine(Kernel):
    op, provider, source = SILU_MUL, "mine", "mine.py"

    @classmethod
    def configs(cls, case, device):
        return [{"tile": 4}, {"tile": 8}]


CASE = SiluMulCase("bf16", 1, 64)


@pytest.mark.parametrize(
    ("text", "tile", "origin"),
    [("default", 4, Origin.DEFAULT), ("tile=8", 8, Origin.GIVEN), (" tile = 8 ", 8, Origin.GIVEN)],
)
def test_what_is_chosen(text, tile, origin):
    choice = chosen(Mine, CASE, None, text)
    assert (choice.config, choice.origin) == ({"tile": tile}, origin)


@pytest.mark.parametrize("text", ["", "tile", "tile=", "=8", "tile=8,", "tile=8,tile=4", "fastest"])
def test_what_is_not_of_the_form(text):
    with pytest.raises(UserError, match="is not of the form rows=2,split=4"):
        chosen(Mine, CASE, None, text)
