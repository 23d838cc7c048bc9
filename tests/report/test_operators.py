"""The page of the operators is what they declare."""

from pathlib import Path

from truetpot.ops import COMPOSITES, OPERATORS
from truetpot.report.operators import COMMAND, operators_page

PAGE = operators_page()


def test_the_page_in_docs_is_made_from_the_operators():
    page = (Path(__file__).parents[2] / "docs" / "operators.md").read_text()
    assert page == PAGE, f"run: {COMMAND}"


def test_every_operator_stands_there_with_its_inputs():
    rows = PAGE.splitlines()
    for op in OPERATORS.values():
        if op in COMPOSITES:
            (row,) = (row for row in rows if row.startswith(f"| `{op.name}` |"))
            assert all(f"`{one.name}`" in row for one in op.takes)
        else:
            section = PAGE.partition(f"\n## {op.name}\n")[2].partition("\n## ")[0]
            assert section.count("| `") >= len(op.takes) > 0
            assert all(f"\n| `{one.name}` | " in section for one in op.takes)


def test_a_row_says_all_that_is_declared():
    assert (
        "| `k_cache` | `[pages, kv_heads, page_slots, head_dim]` | `kv_format` | cache | Normal "
        "where a token is; a large number in the other slots, where reading one shows | "
        "`[tokens, kv_heads, head_dim]` |  |"
    ) in PAGE
    assert "| `bias` | `[n]` | `dtype` | parameter | normal |  | `bias` |" in PAGE
