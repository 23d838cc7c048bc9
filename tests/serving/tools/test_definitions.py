"""The TOML of every tool: complete, and in terms of the canonical definitions."""

from pathlib import Path

import pytest

from truetpot.serving import tools
from truetpot.serving.metrics.definitions import definitions as canonical
from truetpot.serving.records import Counting, Definition, Metric

TOOLS = sorted(path.stem for path in Path(tools.__file__).parent.glob("*.toml"))
# What is common to all variants need not be whole.
DEFINED = [(tool, variant) for tool in TOOLS for variant in tools.variants(tool) or ("",)]


@pytest.mark.parametrize(("tool", "variant"), DEFINED)
def test_every_definition_is_complete(tool: str, variant: str) -> None:
    found = tools.definitions(tool, variant)
    assert found
    for metric, definition in found.items():
        assert isinstance(definition, Definition) and isinstance(definition.counting, Counting)
        assert definition.metric is metric and isinstance(metric, Metric)
        assert definition.canonical == "" or definition.canonical in canonical()
        for text in ("name", "formula", "ends", "aggregate", "source"):
            assert getattr(definition, text), f"{tool} {variant} {metric}: no {text}"


def test_a_variant_says_only_what_differs() -> None:
    old, new = (tools.definitions("vllm", age)[Metric.TPOT] for age in ("<= 0.6.6", ">= 0.7"))
    assert old.formula == new.formula and old.canonical == new.canonical
    assert (old.counting, new.counting) == (Counting.RETOKENISED, Counting.SERVER)
    assert (old.ends, new.ends) == ("[DONE]", "last token")


def test_a_variant_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="no variant"):
        tools.definitions("vllm", "0.9")
