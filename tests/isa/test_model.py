"""The issue model gives what clpeak measured on an A770, on kernels of the same shape."""

import pytest

from truetpot.facts.hardware import load_hardware
from truetpot.facts.issue_rates import all_issue_rates
from truetpot.isa.assembly import parse
from truetpot.isa.model import Clocks, clocks, passes, tera_ops

pytestmark = pytest.mark.isa

A770 = all_issue_rates()["acm-g10"]
WIDTHS = (1, 2, 4, 8, 16)
FIGURES = [
    (kind, width, giga / 1e3)
    for kind, figures in A770.clpeak.items()
    for width, giga in zip(WIDTHS, figures, strict=True)
]
WITHIN = 0.15


def loop(compiled, kind, width):
    """The instructions of the chain's loop, and the multiply-adds in it."""
    options = (f"-DTYPE={kind}", f"-DWIDTH={width}", *(("-DINTEGER",) if kind == "int" else ()))
    code = parse(compiled("peak.cl", "peak", *options).assembly)
    (inner,) = code.inner_loops()
    instructions = [code.instructions[i] for i in inner]
    multiply = "mach" if kind == "int" else "mad"
    return instructions, sum(i.lanes for i in instructions if i.op == multiply)


def estimate(compiled, kind, width):
    instructions, multiplies = loop(compiled, kind, width)
    assert multiplies >= 16 * WIDTHS[0]
    return tera_ops(2 * multiplies, clocks(instructions, A770), A770)


@pytest.mark.parametrize(("kind", "width", "published"), FIGURES)
def test_clpeak_figures_of_the_a770(compiled, kind, width, published):
    assert estimate(compiled, kind, width) == pytest.approx(published, rel=WITHIN)


def test_the_three_figures_that_are_quoted(compiled):
    card = load_hardware("arc-a770")
    assert estimate(compiled, "float", 1) == pytest.approx(card.measured_fp32_tflops, rel=WITHIN)
    assert estimate(compiled, "half", 1) == pytest.approx(card.measured_fp16_tflops, rel=WITHIN)
    assert estimate(compiled, "int", 1) == pytest.approx(5.0, rel=WITHIN)


def test_without_the_rule_about_banks_the_figures_are_missed(compiled):
    """So they say something about the rule: ideal engines would be half as fast again, or twice."""
    for kind, least in (("float", 1.4), ("half", 1.8)):
        instructions, multiplies = loop(compiled, kind, 1)
        free = Clocks(sum(passes(i, A770) for i in instructions), 0)
        ideal = tera_ops(2 * multiplies, free, A770)
        assert ideal > least * A770.clpeak[kind][0] / 1e3


def test_every_number_has_a_source():
    for rates in all_issue_rates().values():
        named = set(rates.sources) | {"target", "card", "sources"}
        numbers = {name for name, value in vars(rates).items() if value not in (None, {})}
        assert numbers <= named, rates.target
