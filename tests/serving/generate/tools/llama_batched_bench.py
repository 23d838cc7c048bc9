"""The table of llama.cpp's llama-batched-bench, with one sequence.

ggml-org/llama.cpp tools/batched-bench/batched-bench.cpp main: a prompt of PP tokens, then TG steps
of one token for each of B sequences; times in s, speeds in tokens/s of all sequences.
"""

from __future__ import annotations

from tests.serving.generate.served import Served
from tests.serving.generate.shape import Load, Shape

NAMES = ("PP", "TG", "B", "N_KV", "T_PP s", "S_PP t/s", "T_TG s", "S_TG t/s", "T s", "S t/s")
WIDTHS = (6, 6, 4, 6, 8, 8, 8, 8, 8, 8)


def table(served: Served) -> bytes:
    """One row."""
    request = served.measured[0]
    pp, tg = request.prompt, request.steps
    t_pp, t_tg = request.first - request.began, request.last - request.first
    counts = (pp, tg, 1, pp + tg)
    both = t_pp + t_tg
    times = (t_pp, pp / t_pp, t_tg, tg / t_tg, both, (pp + tg) / both)
    cells = [
        *map(str, counts),
        *(f"{value:.{3 if i % 2 == 0 else 2}f}" for i, value in enumerate(times)),
    ]
    head = (
        "main: n_kv_max = 8192, n_batch = 2048, n_ubatch = 512, flash_attn = 1, is_pp_shared = 0, "
        "n_gpu_layers = 99, n_threads = 8, n_threads_batch = 8"
    )

    def line(values: list[str]) -> str:
        return "|" + " | ".join(f"{v:>{w}}" for v, w in zip(values, WIDTHS, strict=True)) + " |"

    rule = "|" + "-|-".join("-" * width for width in WIDTHS) + "-|"
    return "\n".join(["", head, "", line(list(NAMES)), rule, line(cells), ""]).encode()


SHAPES = {"llama-batched-bench": Shape("batched-bench.log", table, Load.ALONE)}
