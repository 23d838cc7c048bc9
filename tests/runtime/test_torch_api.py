"""All that is used of torch.xpu and torch.accelerator is in every release that is supported.

No Intel GPU is needed: the releases' own Python files say what there is (`tools/torch_api.py`).
"""

import ast
import inspect
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RELEASES = tomllib.loads((ROOT / "tests/data/torch_api.toml").read_text())
LATER = {"xpu.graph": "2.11.0"}
"""Used where a release has it: it came with ``XPUGraph``, which is asked for first."""


def of_torch(node):
    """``xpu`` where an expression is the module of a device kind, ``accelerator`` for that one."""
    if isinstance(node, ast.Attribute):
        if node.attr == "_api":
            return "xpu"
        if isinstance(node.value, ast.Name) and node.value.id == "torch":
            return node.attr if node.attr in ("xpu", "accelerator") else None
    if isinstance(node, ast.Name) and node.id == "api":
        return "xpu"
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    if called and node.func.id == "getattr" and isinstance(node.args[0], ast.Name):
        return "xpu" if node.args[0].id == "torch" and len(node.args) == 2 else None
    return None


def uses():
    """Each use as (name, positional arguments, keywords, where); None for one without a call."""
    folders = ("src", "kernels", "benchmarks")
    for file in sorted(path for f in folders for path in (ROOT / f).rglob("*.py")):
        text = file.read_text()
        if "torch" not in text:
            continue
        tree = ast.parse(text)
        calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute) or not (module := of_torch(node.value)):
                continue
            if file.parent.name == "opencl":  # that API is OpenCL's
                continue
            call = calls.get(id(node))
            given = None if call is None else len(call.args)
            words = () if call is None else tuple(k.arg for k in call.keywords if k.arg)
            yield f"{module}.{node.attr}", given, words, f"{file.relative_to(ROOT)}:{node.lineno}"


USES = list(uses())


def version(text):
    return tuple(map(int, text.split(".")))


@pytest.mark.parametrize("release", RELEASES)
def test_what_is_used_is_there_and_takes_what_it_is_given(release):
    has = RELEASES[release]
    for name, given, words, where in USES:
        if version(release) < version(LATER.get(name, "0")):
            assert name not in has
            continue
        assert name in has, f"{where}: torch {release} has no torch.{name}"
        if given is not None:
            scope = {}
            exec(f"def called({has[name]}): pass", scope)
            arguments = [None] * given, dict.fromkeys(words)
            inspect.signature(scope["called"]).bind(*arguments[0], **arguments[1])


def test_the_uses_are_seen():
    names = {name for name, *_ in USES}
    assert {"xpu.set_device", "xpu.mem_get_info", "xpu.graph", "xpu.is_available"} <= names
    assert len(names) >= 10


def test_the_table_is_what_the_installed_release_has():
    torch = pytest.importorskip("torch")
    installed = torch.__version__.partition("+")[0]
    if installed not in RELEASES:
        pytest.skip(f"torch {installed} is not in the table; run tools/torch_api.py with it")
    for name in {name for name, *_ in USES}:
        module, function = name.split(".")
        files = (Path(torch.__file__).parent / module).glob("*.py")
        found = any(re.search(rf"(def|class) {function}\b", f.read_text()) for f in files)
        assert found or name not in RELEASES[installed], name
