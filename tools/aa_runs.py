"""How often does `python -m benchmarks gate` call a commit slower that has the same kernels?

    python -m tools.aa_runs --runs 20 --log aa.log -- --op linear --provider numba

A/A runs: HEAD against an empty commit upon it, in a clone of its own; what follows `--` goes to
gate. A line a run, and what gate says of an alarm.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from asv.config import Config
from asv.machine import Machine, MachineCollection

from benchmarks.daily.judge import Pair, judge

ROOT = Path(__file__).resolve().parents[1]
AUTHOR = ("-c", "user.name=aa", "-c", "user.email=aa@localhost")
SAID = ("again ", "slower ", "faster ", "failed ")
"""How the lines of gate begin that name a benchmark."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 1 where gate alarmed more often than ``--most`` says."""
    given = _parser().parse_args(arguments)
    with TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        _git(ROOT, "clone", "--quiet", str(ROOT), str(clone))
        _git(clone, "checkout", "--quiet", "-b", "same")
        _git(clone, *AUTHOR, "commit", "--quiet", "--allow-empty", "-m", "The same")
        alarms = 0
        for run in range(1, given.runs + 1):
            alarms += _run(run, clone, given)
        _write(given.log, f"{alarms} alarms in {given.runs} runs")
    return int(alarms > given.most)


def _run(run: int, clone: Path, given: argparse.Namespace) -> bool:
    """One gate; whether it alarmed."""
    began, before = time.time(), os.getloadavg()[0]
    command = [sys.executable, "-m", "benchmarks", "gate", "HEAD~1", "HEAD", *given.gate]
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False)
    pairs = _pairs(clone)
    if given.processes is not None:
        with given.processes.open("a") as file:
            for one in pairs:
                file.write(json.dumps([run, one.name, one.old, one.new, one.threshold]) + "\n")
    lines = [line for line in done.stdout.splitlines() if line.startswith(SAID)]
    again = sum(line.startswith("again") for line in lines)
    widest = max(pairs, key=_spread)
    took, after = time.time() - began, os.getloadavg()[0]
    clock = time.strftime("%H:%M", time.localtime(began))
    _write(
        given.log,
        f"run {run:2}  {clock}  {took:4.0f} s  load {before:.1f} to {after:.1f}  exit "
        f"{done.returncode}  {again} of {len(pairs)} measured twice; widest spread of one commit's "
        f"processes {_spread(widest):.0%} ({widest.name})",
    )
    for line in lines:
        _write(given.log, f"        {line}")
    if done.returncode not in (0, 1):
        raise SystemExit(f"gate failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 1


def _pairs(clone: Path) -> tuple[Pair, ...]:
    """What is stored of both commits after a run."""
    config = Config.load(str(clone / "asv.conf.json"))
    config.results_dir = str(clone / config.results_dir)
    machine = MachineCollection.load(Machine.get_unique_machine_name())["machine"]
    commits = [_git(clone, "rev-parse", each) for each in ("HEAD~1", "HEAD")]
    return judge(config, machine, *commits).pairs


def _spread(pair: Pair) -> float:
    """Of the processes of one commit, the wider one: (max - min) / min."""
    return max(max(of) / min(of) - 1 for of in (pair.old, pair.new))


def _git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _write(log: Path | None, line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
    if log is not None:
        with log.open("a") as file:
            file.write(f"{line}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--most", type=int, default=1, help="alarms that are allowed")
    parser.add_argument("--log", type=Path, help="a file that the lines are added to")
    parser.add_argument("--processes", type=Path, help="a file for the times of each process")
    parser.add_argument("gate", nargs="*", help="arguments for gate, after --")
    return parser


if __name__ == "__main__":
    sys.exit(main())
