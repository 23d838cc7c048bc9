"""The page for notebooks does what it says, from its first line to its last."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


def test_the_page_runs(capsys):
    names = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    step, *rows = capsys.readouterr().out.splitlines()
    assert float(step.split()[0]) > 0 and float(step.split()[1]) > 0
    assert {row.split()[1] for row in rows} == {"ok"} and len(rows) > 1
