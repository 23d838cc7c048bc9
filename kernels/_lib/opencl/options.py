"""Compiler options as launch parameters of the OpenCL kernels: in a configuration beside the sizes.

- ``grf`` 128, 256: registers of a hardware thread. With 256 half as many threads are resident, and
  a work-group may have half as many. Intel's graphics compiler lists the option among those of its
  API (intel-graphics-compiler, IGC/Options/include/igc/Options/ApiOptions.td); Triton's XPU backend
  passes the same one for its ``grf_mode``.
- ``fast_math`` 0, 1: ``-cl-fast-relaxed-math`` (OpenCL C 3.0, compiler options): no NaN, no
  infinity, other roundings. A kernel whose source has infinities in it does not offer it, nor does
  one that multiplies on the matrix engine, whose loop the compiler leaves as it is.

A configuration whose option the device's driver refuses is not offered there, with the driver's own
words as the reason. One that it takes is checked like any other before it has a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import product

from truetpot.ops.registry import Config
from truetpot.runtime.device import Device
from truetpot.runtime.opencl.build import Build
from truetpot.runtime.opencl.device import OpenClDevice
from truetpot.runtime.opencl.target import Target

GRF, FAST_MATH = "grf", "fast_math"
VALUES: dict[str, tuple[int, ...]] = {GRF: (128, 256), FAST_MATH: (0, 1)}
"""The default first: it needs no option."""
FLAGS = {(GRF, 256): "-cl-intel-256-GRF-per-thread", (FAST_MATH, 1): "-cl-fast-relaxed-math"}
_THREADS = {8: 128, 16: 64}
"""Hardware threads of an Xe core by the smallest sub-group: 16 engines of 8 on DG2, 8 on Xe2."""


def applied(builds: Iterable[Build], config: Config) -> tuple[Build, ...]:
    """The builds with the options of a configuration."""
    flags = tuple(flag for (name, value), flag in FLAGS.items() if config.get(name) == value)
    return tuple(replace(one, flags=flags) for one in builds)


def joined(
    configs: Iterable[Config],
    device: Device,
    names: Sequence[str] = (GRF, FAST_MATH),
    sub_groups: Callable[[Config], int] = lambda config: 1,
) -> Iterator[Config]:
    """Each configuration with each legal value of the options ``names``; the default first.

    ``sub_groups`` says how many a work-group of a configuration has: with 256 registers a core has
    room for half as many.
    """
    assert isinstance(device, OpenClDevice)
    choices = [offered(device, name) for name in names]
    for config in configs:
        for values in product(*choices):
            both = config | dict(zip(names, values, strict=True))
            if room(device.target, both, sub_groups(config)):
                yield both


def offered(device: Device, name: str) -> tuple[int, ...]:
    """Values of an option that the device's driver takes, the default first."""
    assert isinstance(device, OpenClDevice)
    return tuple(value for value in VALUES[name] if not _refused(device, name, value))


def room(target: Target, config: Config, sub_groups: int) -> bool:
    """Whether an Xe core holds a work-group of so many sub-groups with its registers."""
    most = _THREADS.get(min(target.subgroups, default=0), 0) // 2
    return config.get(GRF) != 256 or sub_groups <= most


def withheld(
    device: Device, names: Sequence[str] = (GRF, FAST_MATH)
) -> Iterator[tuple[Config, str]]:
    """Values that the driver's compiler refuses, and in which words."""
    assert isinstance(device, OpenClDevice)
    for name in names:
        for value in VALUES[name]:
            if reason := _refused(device, name, value):
                yield {name: value}, reason


def _refused(device: OpenClDevice, name: str, value: int) -> str:
    flag = FLAGS.get((name, value))
    reason = None if flag is None else device.option_refused(flag)
    return "" if reason is None else f"{device.name}'s compiler refuses {flag} ({reason})"
