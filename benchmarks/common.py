"""What the benchmarks share: their size, their parameters, and the bridge to ASV.

Parameters depend on this checkout and on environment variables, never on the package that is
installed: ASV names a parameter by its position, and reads these files from the checkout for every
commit that it installs in turn. All of them have to mean the same by it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import numpy as np
from asv_runner.benchmarks.mark import SkipNotImplemented

from benchmarks import older
from benchmarks.commit import check_commit
from benchmarks.offered import absent, built_in, forkable, runs_on, usual_dtype, without_card
from benchmarks.size import AS_ACTIVATIONS, SAMPLES, chosen
from truetpot.decode.cases import step_cases
from truetpot.errors import UserError
from truetpot.facts.hardware import Hardware, recognise
from truetpot.facts.models import load_model
from truetpot.measure.entrant import Entrant
from truetpot.measure.kernels import measure_kernels
from truetpot.measure.race import race
from truetpot.ops import COMPOSITES, Case, Composite, Operator
from truetpot.ops.registry import REGISTRY, Missing
from truetpot.records.words import KernelStatus
from truetpot.runtime.choose import best, choose_device
from truetpot.runtime.device import Device
from truetpot.stats import StopRule

check_commit()

ROUNDS = 3
"""Processes that a benchmark's samples come from: the median then survives one that was disturbed
throughout. ``asv run -a rounds=6`` for another number."""

SIZE = chosen(os.environ)
_SECONDS = os.environ.get("TRUETPOT_BENCH_SECONDS") or str(SIZE.seconds)
if not re.fullmatch(r"\d{1,6}(\.\d*)?", _SECONDS):
    raise UserError(f"TRUETPOT_BENCH_SECONDS={_SECONDS} is no number of seconds; give one.")
SECONDS = float(_SECONDS)
# Never by noise: samples should cover the whole time, because the machine drifts meanwhile.
RULE = StopRule(noise=-1.0, seconds=SECONDS, min_samples=SAMPLES, warmup_s=min(0.5, SECONDS / 4))

_WANTED = os.environ.get("TRUETPOT_BENCH_DEVICE") or "auto"
if _WANTED == "auto":
    _WANTED = "cpu" if find_spec("torch") and without_card() else best()
DEVICE = _WANTED
"""A parameter of every measured benchmark: `asv compare` must not hold a CPU against a card."""
_FOLDER = os.environ.get("TRUETPOT_BENCH_KERNELS") or ""
_NAMED = (os.environ.get("TRUETPOT_BENCH_PROVIDERS") or "").replace(",", " ").split()


def providers(op: str | None = None) -> list[str]:
    """Who can have a time for the operator (None: for any) on :data:`DEVICE`.

    By the files of ``kernels/``; by those of a folder, ``TRUETPOT_BENCH_KERNELS``; and of installed
    packages the providers that ``TRUETPOT_BENCH_PROVIDERS`` names.
    """
    kind = DEVICE.partition(":")[0]
    lost = {missing.provider for missing in _own_kernels() if op in (None, missing.op)}
    outside = {
        kernel.provider
        for kernel in REGISTRY.imported()
        if op in (None, kernel.op.name)
        and runs_on(kind, kernel.devices)
        and (kernel.provider in _NAMED or _is_own(kernel.source))
    }
    return sorted(built_in(op, kind) | outside | lost)


T = TypeVar("T")
UNOFFERED: list[Any] = []
"""Benchmark classes that no provider can have a time of on :data:`DEVICE`."""


def offered(benchmark: type[T]) -> type[T] | None:
    """The class; None where a parameter has no value, which ASV does not take."""
    if all(benchmark.params):  # type: ignore[attr-defined]
        return benchmark
    UNOFFERED.append(benchmark)
    return None


def _is_own(source: str) -> bool:
    return bool(_FOLDER) and Path(source).is_relative_to(Path(_FOLDER).resolve())


@cache
def _own_kernels() -> list[Missing]:
    """What of the user's folder cannot be imported, which then is n/a with its reason."""
    REGISTRY.load_builtin()
    return REGISTRY.load_folder(_FOLDER) if _FOLDER else []


def _before_forks() -> None:
    """In asv's server, from which every benchmark is forked: import what each would import."""
    _own_kernels()
    for provider in ("torch", "numba"):
        REGISTRY.kernels(None, provider)
    import_module("truetpot.runtime.cpu")


if "run_server" in sys.argv and forkable(os.environ):
    _before_forks()


def skip(reason: str) -> NoReturn:
    """Make it n/a; ASV keeps no reason, so it is printed (``asv run --show-stderr``)."""
    print(f"not measured: {reason}", file=sys.stderr)
    raise SkipNotImplemented(reason)


def need(op: str | None, provider: str) -> None:
    """N/a where the provider's package is not installed, before torch is imported."""
    if package := absent(op, provider):
        skip(f"{provider}: {package} is not installed")


def device(name: str) -> Device:
    """The device, or n/a. Says so if a CPU is busy with other things."""
    try:
        here = choose_device(name)
    except UserError as error:
        skip(str(error))
    if note := older.busy(here):
        print(note, file=sys.stderr)
    return here


def card(here: Device) -> Hardware | None:
    """What the tables know of the device."""
    identity = here.identity()
    return recognise(str(identity["name"]), identity.get("memory_bytes"))


def shape(
    name: str,
    format: str,
    context: int,
    batch: int = 1,
    kv_format: str = AS_ACTIVATIONS,
    page: int | None = None,
    query_tokens: int = 1,
) -> Any:
    """The step whose kernels are timed, with the activations that suit the device."""
    dtype = usual_dtype(name)
    kv = dtype if kv_format == AS_ACTIVATIONS else kv_format
    if query_tokens > 1 and not older.VERIFIES:
        skip("this commit has one query token a sequence")
    return older.workload(
        context=context,
        format=format,
        kv_format=kv,
        dtype=dtype,
        batch=batch,
        tp=SIZE.tp,
        page=page,
        layers=SIZE.layers,
        query_tokens=query_tokens,
    )


def case(op: Operator, step: Any, role: str | None = None) -> Case:
    """The step's most frequent case of the operator, or of one role of it."""
    composites = dict.fromkeys((*COMPOSITES, *([op] if isinstance(op, Composite) else [])))
    found = [
        entry
        for entry in step_cases(load_model(SIZE.model), step, composites)
        if entry.op.name == op.name and role in (None, *entry.roles)
    ]
    if not found:
        skip(f"the step of {SIZE.model} has no {op.name} {role or ''}")
    return max(found, key=lambda entry: entry.count).case


def kernel_time(op: Operator, what: Case, provider: str, name: str) -> dict[str, Any]:
    """Check the provider's kernel on the case, time it, and give ASV the device seconds."""
    need(op.name, provider)
    here = device(name)
    try:
        results, finished = measure_kernels(
            op, what, [provider], here, None, RULE, card(here), rotate=SIZE.rotate
        )
    except UserError as error:  # no memory for it
        skip(str(error))
    if not finished:
        raise KeyboardInterrupt
    result = results[0]
    if result.status is KernelStatus.SKIPPED:
        skip(result.reason)
    if result.status is KernelStatus.COARSE:
        print(f"{provider} {op.name}: {result.reason}", file=sys.stderr)
    elif result.status is not KernelStatus.OK or result.entrant is None:
        raise RuntimeError(f"{provider} {op.name} is {result.status}: {result.reason}")
    if ran := older.parameters(result):
        print(f"{provider} {op.name}: {ran}", file=sys.stderr)
    return samples(result.entrant.device_s)


def race_alone(entrant: Entrant, here: Device) -> Entrant:
    """The same for what is no kernel of the registry: time it, and doubt it."""
    if not race([entrant], here, RULE):
        raise KeyboardInterrupt
    if reason := entrant.fault or entrant.check_again() or entrant.impossible():
        raise RuntimeError(f"{entrant.name}: {reason}")
    return entrant


def samples(seconds: Sequence[float]) -> dict[str, Any]:
    """What makes ASV store a ``track_`` result as timing samples.

    Thousands of samples of one process say little more than ten: consecutive ones are alike. So
    they go in groups of consecutive ones, each as its median.
    """
    groups = np.array_split(np.asarray(seconds), SAMPLES)
    return {"samples": [float(np.median(group)) for group in groups], "number": 1}
