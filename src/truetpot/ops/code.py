"""What of a Python source runs: without its comments and docstrings, and blank lines."""

from __future__ import annotations

import ast
import io
import tokenize


def code(content: bytes) -> bytes:
    """The lines of a source that have code in them; all of it, where it is no Python."""
    try:
        text = content.decode()
        tree = ast.parse(text)
        tokens = [*tokenize.generate_tokens(io.StringIO(text).readline)]
    except (SyntaxError, ValueError, tokenize.TokenError):
        return content
    # as tokenize and ast count them: a form feed or a line separator in a string ends no line
    lines = text.split("\n")
    for token in tokens:
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            _leave_out(lines, node)
    return "\n".join(kept for line in lines if (kept := line.rstrip())).encode()


def _leave_out(lines: list[str], text: ast.Expr) -> None:
    """Blank the lines of a text that nothing uses, where there is nothing else on them."""
    if not isinstance(text.value, ast.Constant) or not isinstance(text.value.value, str):
        return
    first, last = text.lineno - 1, (text.end_lineno or text.lineno) - 1
    before = lines[first].encode()[: text.col_offset]
    after = lines[last].encode()[text.end_col_offset :]
    if not before.strip() and not after.strip():
        lines[first : last + 1] = [""] * (last + 1 - first)
