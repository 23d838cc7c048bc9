"""How the suite runs: its parallel workers, what is told of skipped tests, vendors' wheels."""

import os
import signal
import zipfile
from collections import Counter
from functools import cache

import psutil
import pytest
from hypothesis import settings

from tools import vendor_wheels

# how long one example takes says what else the machine does, and nothing about the code
settings.register_profile("truetpot", deadline=None)
settings.load_profile("truetpot")

# how wide the terminal of whoever runs the tests is: a test that is about widths sets it itself
os.environ.pop("COLUMNS", None)

# a shell's background job has Ctrl-C ignored, and every process that it starts has it so too
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

LIBRARIES = "ipex_llm/libs/"
GIB = 1 << 30
WORKER_BYTES = 2 * GIB
"""What a worker may hold: torch, transformers, compiled kernels, a small model."""
BY_KERNEL = ("tests/kernels/test_kernels.py", "tests/kernels/test_properties.py")
"""Long modules: shared out by operator and provider, whose cases share what is compiled."""
MOST_REASONS = 12


def pytest_addoption(parser):
    parser.addoption(
        "--naming",
        metavar="MARKER",
        help="Import only files that name the marker: a quick start for `-m MARKER`.",
    )


def pytest_ignore_collect(collection_path, config):
    """Files that do not name the marker of ``--naming``."""
    marker = config.option.naming
    of_tests = collection_path.is_file() and collection_path.suffix == ".py"
    if marker and of_tests and f"mark.{marker}" not in collection_path.read_text():
        return True
    return None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """With ``-n auto`` a worker a core, as far as the memory goes."""
    memory = psutil.virtual_memory().available // WORKER_BYTES
    return max(1, min(len(os.sched_getaffinity(0)), memory))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config, specs):
    """One thread of torch a worker, and threads that wait without spinning.

    Several workers fill the cores already. numba keeps two threads: how its kernels share out work
    is under test.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("NUMBA_NUM_THREADS", "2")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A module's tests stay in one worker, where they share fixtures and compiled kernels."""
    from xdist.scheduler.loadscope import LoadScopeScheduling

    class ByModule(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            module = nodeid.partition("::")[0]
            if module not in BY_KERNEL or "[" not in nodeid:
                return module
            return "-".join(nodeid.partition("[")[2].split("-")[:2])

    return ByModule(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """What cannot exist here is no test; modules with slow tests go first.

    The last ones then end together in all workers.
    """
    items[:] = [item for item in items if _can_exist(item)]
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def _can_exist(item):
    """Whether there is a parameter to run it with, and a card if it needs one."""
    empty = "got empty parameter set"  # pytest's own word for it, with a skip
    if any(mark.kwargs.get("reason", "").startswith(empty) for mark in item.iter_markers("skip")):
        return False
    return item.get_closest_marker("gpu") is None or _accelerators()


@cache
def _accelerators():
    from truetpot.runtime.choose import present

    return any(name.startswith(("xpu", "cuda")) for name in present())


def pytest_terminal_summary(terminalreporter):
    """Why tests were skipped, the most frequent reasons first, in a few lines."""
    reasons = Counter()
    for report in terminalreporter.stats.get("skipped", ()):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        reasons[str(reason).removeprefix("Skipped: ")] += 1
    if not reasons:
        return
    terminalreporter.section("skipped for something missing")
    for reason, count in reasons.most_common(MOST_REASONS):
        terminalreporter.write_line(f"{count:5d}  {reason}")
    if rest := reasons.most_common()[MOST_REASONS:]:
        count = sum(count for _, count in rest)
        terminalreporter.write_line(f"{count:5d}  for {len(rest)} other reasons: pytest -rs")


def wheel(requirement):
    """The wheel's path; without it a skip, or a failure where ``make test-vendors`` runs."""
    path = vendor_wheels.find(requirement)
    if path is None:
        reason = f"no wheel of {requirement} in {vendor_wheels.FOLDER.name}/: run make test-vendors"
        (pytest.fail if os.environ.get("TRUETPOT_NEED_VENDORS") else pytest.skip)(reason)
    return path


@pytest.fixture(scope="session")
def vendor_wheel():
    """Opens the wheel of a release, such as ``ipex-llm==2.2.0``, as a ``zipfile.ZipFile``."""
    return lambda requirement: zipfile.ZipFile(wheel(requirement))


@pytest.fixture(scope="session")
def ipex_llm_libraries(tmp_path_factory):
    """The folder of the CPU libraries of ipex-llm 2.2.0, which have to lie in one to be opened."""
    folder = tmp_path_factory.mktemp("ipex-llm")
    with zipfile.ZipFile(wheel("ipex-llm==2.2.0")) as archive:
        archive.extractall(folder, [m for m in archive.namelist() if m.startswith(LIBRARIES)])
    return folder / LIBRARIES
