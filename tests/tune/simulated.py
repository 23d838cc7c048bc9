"""A lab without a device, whose clock has what real ones have beside white noise.

A sample is the kernel's time, times: what the process has of its own for this kernel (where its
memory lies, how its code is aligned), the same in all its samples; the machine's drift, which all
share; noise that remembers the sample before; and now and then a burst, when something else runs.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from truetpot.records.tune import Figures
from truetpot.stats import Ratio
from truetpot.stats.median import median_ranks


@dataclass
class Noise:
    """Standard deviations, relative; a burst makes a sample up to twice as long."""

    process: float = 0.005
    drift: float = 0.10
    correlated: float = 0.02
    memory: float = 0.8
    bursts: float = 0.05


@cache
def remembering(rounds, memory):
    """Makes of white noise one whose samples are correlated by ``memory`` with those before."""
    i = np.arange(rounds)
    return np.linalg.cholesky(memory ** abs(i[:, None] - i) if memory else np.eye(rounds))


class SimulatedLab:
    """``seconds`` of each configuration, the default first, by index of ``configs``."""

    def __init__(self, configs, seconds, seed, noise=None, rounds=(60, 200, 150)):
        self.configs, self.seconds = configs, np.asarray(seconds, dtype=float)
        self.rng = np.random.default_rng([7, seed])
        self.noise = noise or Noise()
        self.looks, self.finals, self.alone = rounds
        self.here = self._process()
        self.asked, self.seen = [], None

    def prepare(self, upcoming):
        assert upcoming(1)

    def look(self, config):
        self.asked.append(config)
        if self.seen is None:  # all at once: a race each
            all_of = [[0, i] for i in range(len(self.configs))]
            self.seen = self._ratios(all_of, self.looks, self.here)
        (ratio,) = self.seen[self.configs.index(config)]
        return figures(config, ratio)

    def still_there(self, look):
        raise AssertionError("nothing fails here")

    def final(self, configs, on_share):
        ratios = self._race(configs, self.finals, self.here)
        default = Figures(config=self.configs[0], median_s=self.seconds[0], gain=1.0)
        return default, [*map(figures, configs, ratios)]

    def in_new_processes(self, config, count):
        for _ in range(count):
            yield self._race([config], self.alone, self._process())[0]

    def _process(self):
        return np.exp(self.noise.process * self.rng.standard_normal(len(self.configs)))

    def _race(self, configs, rounds, process) -> list[Ratio]:
        """The default's samples over each one's."""
        chosen = [0, *(self.configs.index(config) for config in configs)]
        return self._ratios([chosen], rounds, process)[0]

    def _ratios(self, races, rounds, process) -> list[list[Ratio]]:
        """Of each race the first one's samples over each other's, as ``stats.paired`` has them."""
        chosen, noise, rng = np.array(races), self.noise, self.rng
        size = (rounds, *chosen.shape)
        steps = rng.standard_normal((rounds, len(races), 1))
        drift = np.cumsum(steps, axis=0) / np.sqrt(rounds) * noise.drift
        white = rng.standard_normal((rounds, chosen.size))
        own = noise.correlated * (remembering(rounds, noise.memory) @ white).reshape(size)
        burst = 1 + (rng.random(size) < noise.bursts) * rng.random(size)
        samples = self.seconds[chosen] * process[chosen] * np.exp(drift + own) * burst
        ordered = np.sort(samples[:, :, :1] / samples[:, :, 1:], axis=0)
        low, high = median_ranks(rounds)
        found = np.stack([np.median(ordered, axis=0), ordered[low - 1], ordered[high - 1]], axis=-1)
        return [[Ratio(*ratio, rounds) for ratio in race] for race in found.tolist()]


def figures(config, ratio):
    ci = (ratio.low, ratio.high)
    return Figures(config=config, median_s=1.0, gain=ratio.median, gain_ci=ci)
