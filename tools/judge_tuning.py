"""How many trials a strategy of ``truetpot tune`` needs, on spaces that were measured whole.

    python tools/judge_tuning.py [--seeds 100] [--strategies model,random] FILE_T4.json.gz ...

Each file has all configurations of a kernel on a card, as Kernel Tuner writes them (T4). A search
ends at the first configuration within 5 % of the fastest, which the strategy is not told. The
median over the seeds stands beside that of a hill climb, which restarts from a random configuration
at every local optimum and goes to the first faster neighbour that it meets. A failed configuration
counts as a trial.

    python tools/judge_tuning.py --jobs 8 FILE_T4.json.gz ...

counts instead how often a search has to wait for compilations, so many processes being at it.
"""

from __future__ import annotations

import argparse
import gzip
import math
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from truetpot.ops.registry import Config
from truetpot.records.t4 import T4Results
from truetpot.tune.ahead import Ahead
from truetpot.tune.space import Space, key
from truetpot.tune.strategy import STRATEGIES
from truetpot.tune.subject import Subject

WITHIN = 1.05
TRIALS = 100


def trials(name: str, space: Space, times: list[float | None], seed: int, goal: float) -> int:
    """Trials until one is as fast as the goal."""
    strategy = STRATEGIES[name](space, np.random.default_rng(seed))
    for count in range(1, len(space) + 1):
        index = strategy.ask()
        assert index is not None
        cost = times[index]
        if cost is not None and cost <= goal:
            return count
        strategy.tell(index, cost)
    raise ValueError("the goal is none of the space")


def load(file: Path) -> tuple[Space, list[float | None]]:
    """The space of a T4 file and its times, None for what failed."""
    text = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    results = msgspec.json.decode(text, type=T4Results).results
    return Space([one.configuration for one in results]), [one.time for one in results]


def median(name: str, space: Space, times: list[float | None], seeds: int) -> float:
    """Trials, in the median over the seeds."""
    goal = WITHIN * min(time for time in times if time is not None)
    return statistics.median(trials(name, space, times, seed, goal) for seed in range(seeds))


class Counted(Ahead):
    """Nothing is compiled."""

    def _phase(self, configs: Sequence[Config]) -> None:
        self.phases += 1
        self.compiled += len(configs)
        self._seen.update((key(config), True) for config in configs)


def waits(
    name: str, space: Space, times: list[float | None], seed: int, jobs: int
) -> tuple[int, int]:
    """How often the first :data:`TRIALS` wait, and how many configurations are compiled."""
    strategy = STRATEGIES[name](space, np.random.default_rng(seed))
    ahead = Counted(Subject("", "", None, "", None), jobs)
    for _ in range(TRIALS):
        ahead.prepare(lambda count: [space.configs[i] for i in strategy.likely(count)])
        index = strategy.ask()
        assert index is not None
        strategy.tell(index, times[index])
    return ahead.phases, ahead.compiled


def say_waits(files: Sequence[Path], names: Sequence[str], seeds: int, jobs: int) -> None:
    for name in names:
        spaces = [load(file) for file in files]
        found = [waits(name, *space, seed, jobs) for space in spaces for seed in range(seeds)]
        phases, compiled = np.mean(found, axis=0) / TRIALS
        sys.stdout.write(f"{name}, {jobs} processes: {phases:.2f} waits and ")
        sys.stdout.write(f"{compiled:.2f} compilations a trial\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--strategies", default="model")
    parser.add_argument("--jobs", type=int, default=0)
    chosen = parser.parse_args()
    names = chosen.strategies.split(",")
    if chosen.jobs:
        say_waits(chosen.files, names, chosen.seeds, chosen.jobs)
        return
    ratios: dict[str, list[float]] = {name: [] for name in names}
    for file in chosen.files:
        space, times = load(file)
        climb = median("climb", space, times, chosen.seeds)
        said = [f"{file.name}: {len(space)} configurations, climb {climb:g}"]
        for name in names:
            found = median(name, space, times, chosen.seeds)
            ratios[name].append(found / climb)
            said.append(f"{name} {found:g} ({found / climb:.2f})")
        sys.stdout.write(", ".join(said) + "\n")
        sys.stdout.flush()
    for name, found in ratios.items():
        mean = math.exp(statistics.fmean(map(math.log, found)))
        sys.stdout.write(f"{name}: {mean:.2f} of the climb's (mean), at most {max(found):.2f}\n")


if __name__ == "__main__":
    main()
