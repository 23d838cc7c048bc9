"""What is left of a process, however it ends."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from truetpot.records.words import StepOutcome
from truetpot.runtime.child import MOST_LOG_BYTES, run_child


@pytest.fixture
def child(tmp_path):
    """Run Python code as ``python -m step``."""

    def run(code, limit_s=60.0):
        (tmp_path / "step.py").write_text(f"import os, sys, time, signal\n{code}\n")
        path = f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"
        return run_child(["step"], tmp_path / "here", limit_s, {"PYTHONPATH": path})

    return run


def test_an_end(child):
    done = child("print('table'); print('status', file=sys.stderr)")
    assert (done.outcome, done.code, done.said) == (StepOutcome.OK, 0, "")
    assert (done.out, done.err) == ("table\n", "status\n")


def test_a_refusal(child):
    done = child("print('a\\ntruetpot: No card; plug one in.', file=sys.stderr); sys.exit(2)")
    assert (done.outcome, done.said) == (StepOutcome.REFUSED, "No card; plug one in.")
    assert not done.traceback


def test_an_invalid_result(child):
    done = child("print('checking', file=sys.stderr); sys.exit(1)")
    assert done.outcome is StepOutcome.INVALID
    assert done.said == "its result is not to be used: its out.txt says why"


def test_an_exception(child):
    done = child("def driver(): raise OSError('lost')\ndriver()")
    assert (done.outcome, done.said) == (StepOutcome.CRASHED, "OSError: lost")
    assert "in driver" in done.traceback


def test_a_kill(child):
    done = child("os.kill(os.getpid(), signal.SIGKILL)")
    assert (done.outcome, done.code) == (StepOutcome.CRASHED, -9)
    assert "memory runs out" in done.said


def test_a_hang_that_hears_nothing_takes_what_it_started_along(child, tmp_path):
    code = (
        "import subprocess\n"
        "for one in (signal.SIGABRT, signal.SIGTERM): signal.signal(one, signal.SIG_IGN)\n"
        "other = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(other.pid))\n"
        "time.sleep(600)"
    )
    done = child(code, 10.0)
    assert (done.outcome, done.code) == (StepOutcome.HUNG, -9)
    assert done.said == "not done after 10 s, and ended"
    pid = int((tmp_path / "pid").read_text())
    until = time.monotonic() + 60
    while _alive(pid):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_ctrl_c(child):
    """The step may write what it has; the caller goes on."""
    timer = threading.Timer(5.0, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    done = child("try: time.sleep(600)\nexcept KeyboardInterrupt: print('kept')")
    timer.join()
    assert done.outcome is StepOutcome.INTERRUPTED
    assert done.out == "kept\n"


def test_the_end_of_a_long_log(child):
    done = child(f"print('a' * {MOST_LOG_BYTES}); print('last')")
    assert len(done.out) == MOST_LOG_BYTES
    assert done.out.endswith("last\n")


def _alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
