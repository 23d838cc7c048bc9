"""The table of llama.cpp's ``llama-batched-bench``, and that of ``llama-sweep-bench``.

ggml-org/llama.cpp tools/batched-bench/batched-bench.cpp: PP tokens of B prompts in T_PP, then TG
steps of B sequences in T_TG; ikawrakow/ik_llama.cpp examples/sweep-bench: one sequence behind N_KV.
"""

from __future__ import annotations

from tests.serving.generate.served import Served
from tests.serving.generate.shape import Load, Shape


def _table(**columns: str) -> bytes:
    """A header, its line, and one row."""
    width = {name: max(6, len(name), len(value)) for name, value in columns.items()}
    head = " | ".join(f"{name:>{width[name]}}" for name in columns)
    line = "-|-".join("-" * width[name] for name in columns)
    row = " | ".join(f"{value:>{width[name]}}" for name, value in columns.items())
    return f"| {head} |\n|-{line}-|\n| {row} |\n".encode()


def batched(served: Served) -> bytes:
    """A batch of one."""
    one = served.measured[0]
    prompt, n = one.prompt, one.steps
    t_pp, t_tg = max(one.first - one.sent, 1e-3), one.last - one.first
    every = t_pp + t_tg
    return _table(
        **{
            "PP": f"{prompt}",
            "TG": f"{n}",
            "B": "1",
            "N_KV": f"{prompt + n}",
            "T_PP s": f"{t_pp:.3f}",
            "S_PP t/s": f"{prompt / t_pp:.2f}",
            "T_TG s": f"{t_tg:.3f}",
            "S_TG t/s": f"{n / t_tg:.2f}",
            "T s": f"{every:.3f}",
            "S t/s": f"{(prompt + n) / every:.2f}",
        }
    )


def sweep(served: Served) -> bytes:
    """One sequence, behind what was the prompt."""
    one = served.measured[0]
    n, t_tg = one.steps, one.last - one.first
    return _table(
        **{
            "PP": "512",
            "TG": f"{n}",
            "N_KV": f"{one.prompt}",
            "T_PP s": "0.500",
            "S_PP t/s": "1024.00",
            "T_TG s": f"{t_tg:.3f}",
            "S_TG t/s": f"{n / t_tg:.2f}",
        }
    )


SHAPES = {
    "llama-batched-bench": Shape("batched.md", batched, Load.ALONE),
    "llama-sweep-bench": Shape("sweep.md", sweep, Load.ALONE),
}
