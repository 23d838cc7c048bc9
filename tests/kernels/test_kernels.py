"""Every kernel that is registered, over every case of its operator, on every device that is here.

``PreparedCase.check`` is what is asked before a kernel is timed, so what passes here is what is
benchmarked. A case is prepared once for all its kernels. With ``TRUETPOT_KERNELS=DIR`` the kernels
of that folder are tested too.
"""

import os
from functools import cache
from zlib import crc32

import numpy as np
import pytest

from tests.kernels.grids import COMPILED, repeated
from truetpot.measure.prepared import PreparedCase
from truetpot.ops import OPERATORS
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device, present

REGISTRY.load_builtin()
if folder := os.environ.get("TRUETPOT_KERNELS"):
    REGISTRY.load_folder(folder)

MOST_CONFIGS = int(os.environ.get("TRUETPOT_TEST_CONFIGS", "4"))
"""Launch parameters tried on a case: the default and some others, other ones on every case."""
MARKS = {"cpu": (), "opencl": (pytest.mark.opencl,)}
NEEDED = ("torch", "numba")
"""Providers that the default environment has: one that cannot be loaded is a failure."""


def runs():
    """(kernel, device, case or None, reason): what runs here; what a kernel refuses is no case.

    A kernel that refuses all, as one whose package is missing does, has one case that is skipped.
    Of kernels that are compiled, cases compiled for nothing new are marked exhaustive.
    """
    for device in map(choose_device, present()):
        marks = MARKS.get(device.kind, (pytest.mark.gpu,))
        for kernel in REGISTRY.kernels():
            if kernel.runs_on(device.kind):
                name = f"{kernel.op.name}-{kernel.provider}-{device.name}"
                refusals = {case: kernel.refuses(case, device) for case in kernel.op.grid()}
                cases = [case for case, reason in refusals.items() if reason is None]
                again = repeated(cases) if kernel.provider in COMPILED else ()
                for case in cases:
                    each = [*marks, *([pytest.mark.exhaustive] if case in again else [])]
                    label = f"{name}-{case.label()}"
                    yield pytest.param(kernel, device, case, "", marks=each, id=label)
                if not cases:
                    reason = next(iter(refusals.values()))
                    yield pytest.param(kernel, device, None, reason, marks=marks, id=f"{name}-none")


def seed_of(case):
    return crc32(case.label().encode())


@cache
def prepared(op, case, device):
    return PreparedCase(op, case, device, seed_of(case))


@pytest.mark.parametrize(("kernel", "device", "case", "reason"), list(runs()))
def test_kernel(kernel, device, case, reason):
    if case is None:
        pytest.skip(reason)
    seed = seed_of(case)
    default, *others = kernel.configs(case, device)
    most = MOST_CONFIGS
    if device.kind == "opencl" or kernel.provider == "numba":  # compiled, which takes seconds
        most = min(most, 2 if seed % 8 == 0 else 1)
    picked = np.random.default_rng(seed).permutation(len(others))[: most - 1]
    for config in (default, *(others[i] for i in picked)):
        found = prepared(kernel.op, case, device).check(kernel(case, device, **config))
        assert found.ok, f"{found.reason} {config or ''}"


def test_what_could_not_be_loaded():
    reasons = [f"{m.provider} {m.op}: {m.reason}" for m in REGISTRY.missing()]
    assert not [m for m in REGISTRY.missing() if m.provider in NEEDED], reasons
    if reasons:
        pytest.skip("; ".join(reasons))


@pytest.mark.parametrize("kernel", REGISTRY.kernels(), ids=lambda k: f"{k.op.name}-{k.provider}")
def test_a_kernel_refuses_no_case_on_every_device_and_says_why_in_one_line(kernel):
    taken = {}
    for device in map(choose_device, present()):
        note = kernel.note(device)
        assert "\n" not in note
        if not kernel.runs_on(device.kind):
            continue
        reasons = [kernel.refuses(case, device) for case in kernel.op.grid()]
        absent = all("installed" in (reason or "") for reason in reasons)  # the vendor's package
        taken[device.kind] = taken.get(device.kind, False) or None in reasons or absent
        assert all("\n" not in reason for reason in reasons if reason)
    assert all(taken.values()), f"refuses all: it should not be registered for {taken}"


def test_every_operator_has_a_kernel():
    simple = {op.name for op in OPERATORS.values() if not hasattr(op, "parts")}
    assert simple <= {kernel.op.name for kernel in REGISTRY.kernels(provider="torch")}


@pytest.mark.parametrize("kernel", REGISTRY.kernels(), ids=lambda k: f"{k.op.name}-{k.provider}")
def test_a_default_is_whole(kernel):
    """What ran is recorded by it: a kernel that has parameters says which values are usual."""
    for device in map(choose_device, present()):
        if not kernel.runs_on(device.kind):
            continue
        for case in kernel.op.grid():
            if kernel.refuses(case, device) is None:
                default, *others = kernel.configs(case, device)
                assert default or not others, case.label()
