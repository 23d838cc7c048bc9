"""Run the tests that an expression over markers selects: `run_tests.py "not exhaustive" -k linear`.

In parallel first, a worker a core; then, alone on the machine, those marked `timing`. Further
arguments go to pytest, and an `-m` among them narrows the selection.
"""

import argparse
import subprocess
import sys

import pytest

NONE = pytest.ExitCode.NO_TESTS_COLLECTED


def main(selected: str, *args: str) -> int:
    """The exit code: the worst of both runs; one of them may have no tests."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("-m", default="")
    asked, others = parser.parse_known_args(args)
    selected = " and ".join(f"({each})" for each in (selected, asked.m) if each)
    codes = [
        _pytest("-n", "auto", "--durations=15", *others, "-m", f"{selected} and not timing"),
        _pytest(*others, "-n", "0", "-m", f"{selected} and timing", "--naming", "timing"),
    ]
    failed = [code for code in codes if code not in (0, NONE)]
    return failed[0] if failed else min(codes)


def _pytest(*args: str) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", "-q", *args], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
