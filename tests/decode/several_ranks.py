"""What each of several ranks asserts; started by test_ranks.py under torchrun.

Arguments: the kind of device, then folders of models.
"""

import copy
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from truetpot.decode.checkpoint import CheckpointWeights
from truetpot.decode.engine import DecodeStep
from truetpot.decode.preference import Preference
from truetpot.decode.selected import select_step
from truetpot.decode.weights import SyntheticWeights
from truetpot.facts.models import load_model
from truetpot.facts.workload import Workload
from truetpot.measure.ceiling import buffer_bytes
from truetpot.measure.prepared import PreparedCase
from truetpot.measure.rotation import plan_rotation
from truetpot.ops import ALL_GATHER, ALL_REDUCE, ALL_REDUCE_RMS_NORM, LINEAR, LinearCase
from truetpot.ops.registry import REGISTRY
from truetpot.ops.tolerance import UNIT_ROUNDOFF, relative_error
from truetpot.runtime.choose import choose_device
from truetpot.runtime.distributed import agreed
from truetpot.runtime.distributed.join import join
from truetpot.runtime.distributed.placement import find_placement
from truetpot.runtime.distributed.watch import Watch

COMPILED = {"cpu": ("numba", "torch"), "cuda": ("triton", "torch"), "xpu": ("triton", "torch")}
"""Compiled for seconds in each process, so for one model and dtype only."""


def collectives(device):
    """Every kernel over every case of so many ranks: the sums and the order of parts."""
    REGISTRY.load_builtin()
    group, checked = device.group, 0
    for op in (ALL_REDUCE, ALL_GATHER, ALL_REDUCE_RMS_NORM):
        for case in op.grid():
            if getattr(case, "parts", (case,))[0].tp != group.size:
                continue
            prepared = PreparedCase(op, case, device, 7)
            for provider in REGISTRY.offering(op.name):
                found = REGISTRY.choose(op.name, case, device, provider).kernel
                if found is not None:
                    verdict = prepared.check(found.make(case, device))
                    verdicts = group.gather(verdict.reason)  # one that fails must not leave alone
                    assert not any(verdicts), (provider, case, verdicts)
                    checked += 1
    assert checked >= 20


def steps(device, model, shape, source, providers):
    """The whole step by torch, and this rank's part of it together with the others."""
    group = device.group
    shared = replace(shape, tp=group.size, collectives=True)
    whole = DecodeStep(select_step(model, shape, Preference(["torch"], device)), source(shape, 0))
    mine = source(shared, group.rank)
    selected = select_step(model, shared, Preference(providers, device))
    return whole, DecodeStep(selected, mine, group.rank)


def logits(device, model, shape, source, tolerance, providers=("torch",)):
    """The same as one rank's, token by token, and the same next token on every rank."""
    group = device.group
    tokens = np.random.default_rng(1).integers(0, model.vocab, 5)
    whole, part = steps(device, model, shape, source, providers)
    want = whole.feed(tokens)
    got = np.concatenate(group.gather(part.feed(tokens)), axis=-1)[:, : model.vocab]
    error = relative_error(got, want)
    assert error < tolerance, (model.name, providers, error)
    ids = [int(part.device.download(part.state.values["next_ids"])[0])]
    best = want[-1] if shape.dtype == "fp32" else got[-1]
    assert group.gather(ids) == [[int(best.argmax())]] * group.size, (model.name, providers)


def random_caches(device, model, shape, source):
    """A step over the random cache, as it is timed, where every rank has its own heads."""
    whole, part = steps(device, model, shape, source, ("torch",))
    whole.run()
    part.run()
    got = np.concatenate(device.group.gather(part.logits()), axis=-1)[:, : model.vocab]
    assert relative_error(got, whole.logits()) < 1e-4, model.name


def decisions(device):
    """What follows from memory, cache and graphs is the same, though each rank has others."""
    group, unlike = device.group, copy.copy(device)
    linear = LinearCase("bf16", 1, 512, 512, "bf16")
    not_on_the_first = None if group.rank == 0 else 1 << 30
    for free in ((group.rank + 1) << 30, not_on_the_first, None):
        unlike.free_bytes = lambda free=free: free
        unlike.cache_bytes = lambda: (64 >> group.rank) << 20
        unlike.graphs = group.rank != 1
        made = [
            agreed.free_bytes(unlike),
            agreed.graphs(unlike),
            agreed.common(group, range(group.rank, group.rank + 4)),
            buffer_bytes(unlike),
            plan_rotation(LINEAR, linear, unlike),
        ]
        assert group.gather(made) == [made] * group.size
        assert made[1] is False, "rank 1 has none"
        assert made[2] == list(range(group.size - 1, 4))
        assert buffer_bytes(unlike) >= 4 * agreed.cache_bytes(unlike) == 256 << 20
    assert made[0] is None, "no rank knows"


def main():
    torch.set_num_threads(1)
    placement, kind = find_placement(), sys.argv[1]
    with join(placement, kind, Watch(placement.rank, placement.size)) as group:
        name = kind if kind == "cpu" else f"{kind}:{placement.local_rank}"
        device = choose_device(name, group)
        decisions(device)
        collectives(device)
        fp32 = Workload(context=5, format="fp32", kv_format="fp32", dtype="fp32", batch=1, tp=1)
        for folder in map(Path, sys.argv[2:]):
            model = load_model(folder)

            def stored(shape, rank, folder=folder, model=model):
                return CheckpointWeights(folder, model, shape, rank)

            def random(shape, rank, model=model):
                return SyntheticWeights(model, shape, 3, rank)

            logits(device, model, fp32, stored, 1e-4)
            random_caches(device, model, replace(fp32, page=4, batch=3, context=9), random)
            # partial sums are rounded once more than the whole: a few roundings a layer
            bf16 = Workload(context=5, format="bf16", kv_format="bf16", dtype="bf16", batch=1, tp=1)
            providers = COMPILED[kind] if folder == Path(sys.argv[2]) else ("torch",)
            roundings = 16 * model.layers * UNIT_ROUNDOFF["bf16"]
            logits(device, model, bf16, random, roundings, providers)
            print("whole", model.name, flush=True)


if __name__ == "__main__":
    main()
