"""What llama.cpp's llama-cli prints at its end.

ggml-org/llama.cpp src/llama-context.cpp llama_perf_context_print, llama_context::synchronize: the
evaluations of more than one token, and those of one, which are a token less than the answer.
"""

from __future__ import annotations

from tests.serving.generate.served import Served
from tests.serving.generate.shape import Load, Shape

LOADED_MS = 1234.56


def printed(served: Served) -> bytes:
    """Of one run of the program."""
    request = served.measured[0]
    prompt_ms, runs = 1e3 * (request.first - request.began), request.steps
    eval_ms = 1e3 * (request.last - request.first)
    n = request.prompt
    rows = (
        f"       load time = {LOADED_MS:10.2f} ms",
        (
            f"prompt eval time = {prompt_ms:10.2f} ms / {n:5d} tokens "
            f"({prompt_ms / n:8.2f} ms per token, {1e3 / prompt_ms * n:8.2f} tokens per second)"
        ),
        (
            f"       eval time = {eval_ms:10.2f} ms / {runs:5d} runs   "
            f"({eval_ms / runs:8.2f} ms per token, {1e3 / eval_ms * runs:8.2f} tokens per second)"
        ),
        f"      total time = {prompt_ms + eval_ms:10.2f} ms / {n + runs:5d} tokens",
    )
    return "".join(f"llama_perf_context_print: {row}\n" for row in rows).encode()


SHAPES = {"llama-cli": Shape("llama-cli.log", printed, Load.ALONE)}
