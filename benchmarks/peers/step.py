"""Our captured decode step beside transformers' compiled one, on one device, in one process.

    python -m benchmarks.peers.step --model qwq-32b --context 1024

transformers runs its own model class of the same shape with random bf16 weights, a static cache and
``torch.compile(mode="reduce-overhead")``, which captures graphs too: the fastest way to decode that
it documents. Both cannot be in memory at once, so one is measured after the other. Nothing of the
suite is imported before it is needed: ASV looks into this folder for benchmarks, and finds none.
"""

from __future__ import annotations

import argparse
import gc
import time
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from truetpot.facts.models import Model
    from truetpot.runtime.device import Device

WARM_UP, SAMPLES = 5, 30


def transformers_step(model: Model, context: int, device: Device) -> float:
    """Median seconds of one token, by events around each call."""
    import torch
    from transformers import AutoModelForCausalLM, Qwen2Config, StaticCache

    config = Qwen2Config(
        hidden_size=model.hidden, intermediate_size=model.intermediate,
        num_hidden_layers=model.layers, num_attention_heads=model.heads,
        num_key_value_heads=model.kv_heads, vocab_size=model.vocab,
        max_position_embeddings=context + 64, tie_word_embeddings=model.tied,
    )  # fmt: skip
    where = torch.device(device.name)
    with where, torch.no_grad():
        torch.set_default_dtype(torch.bfloat16)
        peer = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa").eval()
        torch.set_default_dtype(torch.float32)
        cache = StaticCache(config=config, max_cache_len=context + 64)
        prompt = torch.randint(0, model.vocab, (1, context))
        peer(prompt, past_key_values=cache, use_cache=True, logits_to_keep=1)
        step = torch.compile(peer.forward, mode="reduce-overhead", fullgraph=True)
        token = prompt[:, :1].clone()
        seconds = []
        for i in range(WARM_UP + SAMPLES):
            first, last = (torch.Event(where, enable_timing=True) for _ in range(2))
            position = torch.full((1, 1), context + i)
            first.record()
            step(token, position_ids=position, past_key_values=cache, use_cache=True)
            last.record()
            device.synchronize()
            if i >= WARM_UP:
                seconds.append(first.elapsed_time(last) * 1e-3)
    return median(seconds)


def our_step(
    model: Model, context: int, device: Device, weight_format: str, seconds: float
) -> float:
    """Median seconds of one token, captured where the device has graphs.

    By the host's clock, from an idle device: the peer's events have its submission in them too.
    """
    from truetpot.decode.engine import DecodeStep
    from truetpot.decode.preference import Preference
    from truetpot.decode.selected import select_step
    from truetpot.decode.weights import SyntheticWeights
    from truetpot.facts.workload import Workload
    from truetpot.measure.entrant import Entrant
    from truetpot.measure.race import race
    from truetpot.stats import StopRule

    shape = Workload(
        context=context, format=weight_format, kv_format="bf16", dtype="bf16", batch=1, tp=1
    )
    weights = SyntheticWeights(model, shape)
    selected = select_step(model, shape, Preference(("triton", "torch"), device))
    step = DecodeStep(selected, weights)
    entrant = Entrant("step", [step.run], elapsed=True)
    race([entrant], device, StopRule(noise=0.005, seconds=seconds, min_samples=20, warmup_s=1.0))
    return entrant.wall.median_s


def main() -> None:
    """Print both and their ratio."""
    import torch

    from truetpot.facts.models import load_model
    from truetpot.runtime.choose import choose_device

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="qwq-32b")
    parser.add_argument("--context", type=int, default=1024)
    parser.add_argument("--format", default="bf16")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    model, device = load_model(given.model), choose_device(given.device)
    start = time.perf_counter()
    peer_s = transformers_step(model, given.context, device)
    print(f"transformers, compiled, bf16: {peer_s * 1e3:8.3f} ms a token", flush=True)
    gc.collect()
    if device.kind != "cpu":
        getattr(torch, device.kind).empty_cache()
    ours_s = our_step(model, given.context, device, given.format, given.seconds)
    print(f"truetpot, {given.format}:{'':<17}{ours_s * 1e3:8.3f} ms a token")
    print(f"ratio {peer_s / ours_s:.2f}; {time.perf_counter() - start:.0f} s in all")


if __name__ == "__main__":
    main()
