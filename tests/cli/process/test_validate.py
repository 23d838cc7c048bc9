"""What ends a run of validate from outside leaves what is finished, and no child behind."""

import signal
import time

import psutil
import pytest

ASKED = (
    "validate", "--level", "long", "--device", "cpu", "--small", "--only", "link,sustained",
    "--seconds", 30,
)  # fmt: skip


def rows(record):
    return {test["name"]: test for test in record.get("tests", ())}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_what_is_finished_survives(start, read, tmp_path, number):
    file = tmp_path / "v.json"
    run = start(*ASKED, "--json", file)
    run.until(lambda: "sustained" in rows(read(file)))
    children = run.until(lambda: psutil.Process(run.popen.pid).children(recursive=True))
    time.sleep(1.0)
    run.send(number)
    done = run.end()
    assert done.code == (130 if number is signal.SIGINT else -9)
    record = read(file)
    assert record["partial"]
    assert rows(record)["link"]["verdict"] == "pass"
    outcome = "interrupted" if number is signal.SIGINT else "started"
    assert rows(record)["sustained"]["outcome"] == outcome
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive
    if number is signal.SIGINT:
        assert "did not come to its end" in " ".join(done.out.split())
