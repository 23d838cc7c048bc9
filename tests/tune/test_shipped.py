"""The tuned files in the package are of cases that a step has and of parameters kernels have."""

from itertools import product
from pathlib import Path

import pytest

import truetpot
from truetpot.decode.cases import step_cases
from truetpot.facts.models import load_model
from truetpot.facts.workload import Workload
from truetpot.ops import COMPOSITES
from truetpot.ops.digest import digest
from truetpot.ops.registry import REGISTRY
from truetpot.tune import store


class Hopper:
    """As much of an H200 as kernels choose by."""

    kind, torch = "cuda", None
    identity = staticmethod(lambda: {"units": 132, "local_memory_bytes": 232448})


FILES = sorted((Path(truetpot.__file__).parent / "tuned").glob("*.toml"))


@pytest.fixture(scope="module")
def known():
    """The cases of QwQ-32B by operator and label."""
    shapes = (
        Workload(context=context, format=of, kv_format="bf16", dtype="bf16", batch=batch, tp=1)
        for of in ("sym_int4", "fp8_e5m2", "bf16")
        for batch, context in product((1, 2, 4, 8, 16, 32, 64), (1024, 16384))
    )
    model = load_model("qwq-32b")
    cases = (case for shape in shapes for case in step_cases(model, shape, COMPOSITES))
    return {(case.op.name, case.case.label()): case.case for case in cases}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_entry_is_of_use(file, known, monkeypatch):
    launch = pytest.importorskip(
        "truetpot.kernels._lib.triton.dependent_launch", reason="Triton is not installed"
    )
    monkeypatch.setattr(launch, "able", lambda device: device is Hopper)
    REGISTRY.load_builtin()
    entries = 0
    for op, providers in store.load(file).items():
        for provider, cases in providers.items():
            (kernel,) = REGISTRY.kernels(op, provider)
            for label, entry in cases.items():
                case = known[op, label]
                configs = list(kernel.configs(case, Hopper))
                assert not entry["config"] or entry["config"] in configs, label
                assert entry["gain_ci"][0] > 1 or not entry["config"], label
                # else it is passed over, with a line to each user: tune it again, or take it out
                assert entry["source"] == digest(kernel), label
                entries += 1
    assert entries
