"""A lab without a device, whose clock has what real ones have beside white noise.

A sample is the kernel's time, times: what the process has of its own for this kernel (where its
memory lies, how its code is aligned), the same in all its samples; the machine's drift, which all
share; noise that remembers the sample before; and now and then a burst, when something else runs.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from truetpot.records.tune import Figures
from truetpot.stats import Ratio, paired


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
        self.asked = []

    def prepare(self, upcoming):
        assert upcoming(1)

    def look(self, config):
        self.asked.append(config)
        return self._figures([config], self.looks)[1]

    def still_there(self, look):
        raise AssertionError("nothing fails here")

    def final(self, configs, on_share):
        default, *rest = self._figures(configs, self.finals)
        return default, rest

    def in_new_process(self, config, number):
        return self._race([config], self.alone, self._process())[0]

    def _process(self):
        return np.exp(self.noise.process * self.rng.standard_normal(len(self.configs)))

    def _race(self, configs, rounds, process) -> list[Ratio]:
        """The default's samples over each one's."""
        chosen = [0, *(self.configs.index(config) for config in configs)]
        noise, rng = self.noise, self.rng
        size = (rounds, len(chosen))
        drift = np.cumsum(rng.standard_normal(rounds)) / np.sqrt(rounds) * noise.drift
        own = noise.correlated * (remembering(rounds, noise.memory) @ rng.standard_normal(size))
        burst = 1 + (rng.random(size) < noise.bursts) * rng.random(size)
        samples = self.seconds[chosen] * process[chosen] * np.exp(drift[:, None] + own) * burst
        return [paired(samples[:, 0], samples[:, i]) for i in range(1, len(chosen))]

    def _figures(self, configs, rounds):
        gains = self._race(configs, rounds, self.here)
        found = [Figures(config=self.configs[0], median_s=self.seconds[0], gain=1.0)]
        for config, gain in zip(configs, gains, strict=True):
            ci = (gain.low, gain.high)
            found.append(Figures(config=config, median_s=1.0, gain=gain.median, gain_ci=ci))
        return found
