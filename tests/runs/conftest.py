"""What commands do, called without them: on models that fit in a cache, beside a small ceiling."""

from dataclasses import replace

import pytest

from tests.small import (
    clean_registry,
    few_copies,
    model,
    nothing_tuned,
    one_thread,
    small_ceiling,
)
from truetpot.facts.models import load_model
from truetpot.facts.workload import Workload
from truetpot.runs import decode_outcome, kernels
from truetpot.runs.setting import find_setting

__all__ = [
    "clean_registry", "few_copies", "model", "nothing_tuned", "one_thread", "small_ceiling",
]  # fmt: skip

SHAPE = Workload(context=20, format="bf16", kv_format="bf16", dtype="bf16")


@pytest.fixture
def setting():
    """The CPU, with torch's kernels."""
    return find_setting("cpu", ["torch"])


@pytest.fixture
def step(model, setting):
    """``step(batch=2)``: what ``truetpot decode`` asks for, of the tiny model."""

    def make(**changed):
        return decode_outcome.Request(
            load_model(model), replace(SHAPE, **changed), setting, rank=0, share=False,
            weights=None, seed=0, seconds=0.1,
        )  # fmt: skip

    return make


@pytest.fixture
def cases(model, setting):
    """``cases("linear", "o")``: what ``truetpot kernels`` asks for, of the tiny model."""

    def make(op, role=None, **more):
        roles = None if role is None else (role,)
        about = {"seconds": 0.05, "samples": False, "hot": False} | more
        return kernels.Request(load_model(model), [SHAPE], setting, (op,), roles, None, **about)

    return make
