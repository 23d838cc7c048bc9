"""The command line as a process of its own: signals, pipes, full disks, strange environments."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import pytest

SMALL_CEILING = """
import sys
from truetpot.measure import ceiling
from truetpot.ops.registry import REGISTRY
from truetpot.runs import decode, kernels

for module in (ceiling, decode, kernels):
    module.buffer_bytes = lambda device: 16 << 20
REGISTRY.load_builtin()
(numba,) = REGISTRY.kernels("memory_read", "numba")
numba.configs = lambda case, device: ({},)
sys.argv[0] = "truetpot"
from truetpot.__main__ import main
main()
"""
"""The same program beside a ceiling that is made in no time."""
PROGRAM = ("-m", "truetpot")
QUICK = ("-c", SMALL_CEILING)


@dataclass
class Ended:
    """What a process left."""

    code: int
    out: str
    err: str

    @property
    def sentence(self):
        """The only line of ours on standard error; nothing there may look like a traceback."""
        assert "Traceback" not in self.err, self.err
        (line,) = [line for line in self.err.splitlines() if line.startswith("truetpot: ")]
        assert line.endswith("."), line
        return line


class Process:
    """A command that runs."""

    def __init__(self, words, env, **options):
        self.popen = subprocess.Popen(
            words,
            stdout=options.pop("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
            text=True,
            env=env,
            # a shell's background job, which a test run may be, has signals ignored
            preexec_fn=_default_signals,  # noqa: PLW1509
            **options,
        )

    def until(self, condition, seconds=240):
        """What the condition gives at last."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := condition():
                return found
            assert self.popen.poll() is None, self.popen.communicate()
            time.sleep(0.1)
        raise AssertionError("it never came")

    def send(self, number):
        self.popen.send_signal(number)

    def end(self, seconds=240):
        out, err = self.popen.communicate(timeout=seconds)
        return Ended(self.popen.returncode, out or "", err)


def _default_signals():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def environment(tmp_path):
    """One thread, nothing tuned, no launcher, and crash reports where the test looks for them."""
    theirs = ("RANK", "WORLD", "LOCAL", "MASTER", "OMPI", "PMI", "SLURM", "TRUETPOT")
    mine = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
    (tmp_path / "tmp").mkdir()
    return mine | {
        "OMP_NUM_THREADS": "1",
        "NUMBA_NUM_THREADS": "1",
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "TMPDIR": str(tmp_path / "tmp"),
    }


@pytest.fixture
def start(environment):
    """Start ``truetpot ARGS``: ``quick`` beside a small ceiling, ``program`` instead of it.

    ``before`` are words before it; what else is named is an environment variable.
    """
    running = []

    def call(*args, quick=False, program=None, before=(), options=None, **variables):
        chosen = program or (QUICK if quick else PROGRAM)
        words = [*before, sys.executable, *chosen, *map(str, args)]
        running.append(Process(words, environment | variables, **(options or {})))
        return running[-1]

    yield call
    for process in running:
        if process.popen.poll() is None:
            process.popen.kill()
            process.popen.communicate()


@pytest.fixture
def run(start):
    """The same to its end."""
    return lambda *args, **more: start(*args, **more).end()


@pytest.fixture
def read():
    """A record, or an empty one before it is there."""

    def call(file):
        try:
            return json.loads(file.read_text())
        except OSError:
            return {}

    return call


@pytest.fixture
def namespace():
    """Words before a command that let it mount what it likes, seen by nobody else."""
    words = ["unshare", "--mount", "--propagation", "private"]
    try:
        able = subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        able = False
    if not able:
        pytest.skip("mounting needs root and unshare, of util-linux")

    def mounting(*commands):
        return [*words, "sh", "-c", f'{" && ".join(commands)} && exec "$@"', "sh"]

    return mounting
