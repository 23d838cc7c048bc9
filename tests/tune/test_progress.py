"""What a search has found outlives it."""

import pytest

from truetpot.ops import SILU_MUL, SiluMulCase
from truetpot.tune.figures import Figures, Found
from truetpot.tune.progress import forget, read_log, search_key

KEY, OTHER = {"op": "linear", "case": "n=1"}, {"op": "linear", "case": "n=2"}
LOOK = Figures({"tile": 8, "waves": 0.5, "fast": True}, "", 1e-6, 1.25, (1.2, 1.3), None)
FAILED = Figures({"tile": 16}, "OutOfResources: shared memory")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "card.progress.jsonl"


def test_everything_comes_back(path):
    log = read_log(path, KEY)
    log.add(LOOK)
    log.add(FAILED)
    assert read_log(path, KEY).looks == [LOOK, FAILED]
    assert read_log(path, KEY).look({"tile": 16}) == FAILED
    assert read_log(path, KEY).look({"tile": 32}) is None
    assert read_log(path, KEY).final is None
    log.finish(Found(LOOK, LOOK, "2026-01-01T00:00:00Z"))
    assert read_log(path, KEY).final == log.final
    assert read_log(path, OTHER).looks == []


def test_lines_that_are_not_ours_are_passed_over(path):
    read_log(path, KEY).add(LOOK)
    whole = path.read_text()
    strange = ['{"key": {"op": "linear", "case": "n=1"}, "look": 3}', "[]", "{", whole[:40]]
    path.write_text("\n".join([*strange, whole]))
    assert read_log(path, KEY).looks == [LOOK]


def test_to_forget_one_search_keeps_the_others(path):
    read_log(path, KEY).add(LOOK)
    read_log(path, OTHER).add(FAILED)
    forget(path, [KEY])
    assert read_log(path, KEY).looks == []
    assert read_log(path, OTHER).looks == [FAILED]
    forget(path, [OTHER])
    assert not path.exists()
    forget(path, [OTHER])


def test_a_changed_kernel_is_another_search(tmp_path):
    class Mine:
        op, provider, source = SILU_MUL, "mine", str(tmp_path / "mine.py")

    def key(**versions):
        return search_key(Mine, SiluMulCase("bf16", 1, 64), "card", versions)

    (tmp_path / "mine.py").write_text("1")
    before = key(torch="2")
    assert before == key(torch="2")
    assert before != key(torch="3")
    (tmp_path / "mine.py").write_text("2")
    assert before != key(torch="2")
