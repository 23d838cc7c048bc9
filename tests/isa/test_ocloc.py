"""An ocloc that hangs or crashes on one source loses that source only."""

import pytest

from truetpot.isa import ocloc as module
from truetpot.isa.ocloc import CompileError, Ocloc

FAKE = """#!/bin/sh
[ "$1" = compile ] || exit 0
grep -q hang "$3" && exec sleep 60
grep -q crash "$3" && kill -SEGV $$
echo "error: nothing else compiles"
exit 1
"""


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("hang", "has not ended after 0.5 s"),
        ("crash", "ends with signal 11 on its source"),
        ("other", "error: nothing else compiles"),
    ],
)
def test_what_does_not_compile(tmp_path, monkeypatch, source, said):
    command = tmp_path / "ocloc"
    command.write_text(FAKE)
    command.chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(module, "LIMIT_S", 0.5)
    with pytest.raises(CompileError, match=said):
        Ocloc([str(command)]).compile(source, "empty", (), "acm-g10")
