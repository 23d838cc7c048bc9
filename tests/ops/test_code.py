"""What of a source counts as the code of a kernel."""

import pytest

from truetpot.ops.code import code

SAME = """
def f(x):
    y = "# no comment"
    return x, y
"""


@pytest.mark.parametrize(
    "source",
    [
        SAME,
        '"""A module."""\n' + SAME + "# the end\n",
        SAME.replace("    y", '    """Says what.\n\n    More.\n    """\n    y'),
        SAME.replace("comment\"", "comment\"  # a comment"),
        SAME.replace("    return", "\n\n    return"),
    ],
)
def test_comments_and_docstrings_do_not_count(source):
    assert code(source.encode()) == code(SAME.encode())


@pytest.mark.parametrize(
    ("old", "new"), [("# no", "# a"), ("x, y", "x"), ("def f(x)", "def f(z)"), ("    y", "  y")]
)
def test_all_else_does(old, new):
    assert code(SAME.replace(old, new).encode()) != code(SAME.encode())


@pytest.mark.parametrize("content", [b"def (:\n", b"\xff\xfe", b"", b"x = 1; 'text'\n", b"\0"])
def test_what_cannot_be_taken_apart_stays(content):
    assert code(content).strip() == content.strip()
