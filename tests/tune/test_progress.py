"""What a search has found outlives it."""

import subprocess
import sys

import pytest

from truetpot.ops import SILU_MUL, SiluMulCase
from truetpot.records.tune import Figures, Found
from truetpot.records.tuned import SearchKey
from truetpot.tune.progress import forget, read_log, search_key

KEY, OTHER = (
    SearchKey(op="linear", provider="mine", case=case, device="card", versions={}, source="")
    for case in ("n=1", "n=2")
)
CONFIG = {"tile": 8, "waves": 0.5, "fast": True}
LOOK = Figures(config=CONFIG, median_s=1e-6, gain=1.25, gain_ci=(1.2, 1.3))
FAILED = Figures(config={"tile": 16}, reason="OutOfResources: shared memory\u2028in a kernel")


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
    log.finish(Found(default=LOOK, best=LOOK, when="2026-01-01T00:00:00Z"))
    assert read_log(path, KEY).final == log.final
    assert read_log(path, OTHER).looks == []


def test_lines_that_are_not_ours_are_passed_over(path):
    read_log(path, KEY).add(LOOK)
    whole = path.read_text()
    strange = [whole.replace("1e-06", value).strip() for value in ("-1", "0", "1e999", "null, 3")]
    strange += [whole.replace('{"tile"', "3, {").strip(), '{"key": 1, "look": 3}', "[]", "{"]
    strange += ['{"a":' * 100_000, "[" * 100_000, "\ufffd", whole[:40]]
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


def test_a_process_that_forgets_takes_nothing_from_another(path):
    code = """
import sys
from pathlib import Path
from truetpot.records.tune import Figures
from truetpot.records.tuned import SearchKey
from truetpot.tune.progress import forget, read_log
path, case = Path(sys.argv[1]), sys.argv[2]
key = SearchKey(op="linear", provider="x", case=case, device="card", versions={}, source="1")
for i in range(40):
    read_log(path, key).add(Figures(config={"tile": i}, reason="slow"))
    if case == "forgets":
        forget(path, [key])
"""

    def key(case):
        return SearchKey(
            op="linear", provider="x", case=case, device="card", versions={}, source="1"
        )

    words = [sys.executable, "-c", code, str(path)]
    running = [subprocess.Popen([*words, case]) for case in ("keeps", "forgets")]
    assert [process.wait() for process in running] == [0, 0]
    assert [look.config["tile"] for look in read_log(path, key("keeps")).looks] == [*range(40)]
    assert read_log(path, key("forgets")).looks == []


def test_an_empty_file_of_the_users_stays(path):
    path.touch()
    forget(path, [KEY])
    assert path.exists()
