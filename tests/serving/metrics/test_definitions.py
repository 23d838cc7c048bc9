"""The table of definitions, its page, and who refers to it."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from truetpot.serving.metrics import definitions, definitions_page
from truetpot.serving.metrics.definitions import REASONS

ROOT = Path(__file__).parents[3]
TOOLS = sorted((ROOT / "src" / "truetpot" / "serving" / "tools").glob("*.toml"))


def test_the_page_is_made_from_the_table():
    assert (ROOT / "docs" / "metrics.md").read_text() == definitions_page()


@pytest.mark.parametrize("definition", definitions().values(), ids=lambda each: each.key)
def test_a_definition_is_whole(definition):
    for text in (definition.name, definition.formula, definition.unit, definition.sample):
        assert text
    assert definition.weight and definition.source
    order = [*REASONS]
    assert [*definition.leaves_out] == sorted(definition.leaves_out, key=order.index)
    uses_counts = bool(re.search(r"\bn_i\b", definition.formula))
    assert definition.counted == uses_counts
    # a denominator of 0 has to be left out
    assert ("one token" in definition.leaves_out) == ("n_i - 1)" in definition.formula)
    divides = bool(re.search(r"/ (sum_i)?\(?n_i", definition.formula))
    assert ("no tokens" in definition.leaves_out) == divides
    assert definition.key in definitions_page()


@pytest.mark.parametrize("path", TOOLS, ids=lambda path: path.stem)
def test_what_a_tool_refers_to_is_defined(path):
    tables = tomllib.loads(path.read_text())
    variants = [tables.get("common", {}), *tables.get("variant", {}).values()]
    named = [each.get("canonical") for variant in variants for each in variant.values()]
    assert {key for key in named if key} <= set(definitions())


def test_every_tool_named_has_a_reader_s_table():
    if not TOOLS:
        pytest.skip("no tables of tools")
    named = {tool for each in definitions().values() for tool in each.used_by}
    assert named <= {path.stem for path in TOOLS}


def test_numba_is_loaded_only_for_many_gaps():
    """It takes longer to load than a small file takes to check."""
    code = (
        "import sys, numpy as np\n"
        "from tests.serving.metrics.samples import make_requests, make_run\n"
        "from truetpot.serving.metrics import recompute\n"
        "from truetpot.serving.records import Counting\n"
        "rows = make_requests({Counting.SERVER: [3]}, [1.], [2.], gaps=[[.5, .5]])\n"
        "recompute(make_run(rows))\n"
        "print('numba' in sys.modules)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
