"""Answers of llama.cpp's server, with their ``timings``: one a line.

ggml-org/llama.cpp tools/server/server-task.cpp result_timings::to_json and server_task_result_cmpl_
final, server-context.cpp update_slots: the prompt's time runs from when the slot takes the request
to its first token, the other from there to the last token, but it is divided by all of them. Tokens
found in the cache (cache_n) are not in prompt_n.
"""

from __future__ import annotations

from typing import Any

from tests.serving.generate.figures import dumped, text
from tests.serving.generate.served import Request
from tests.serving.generate.shape import Shape


def answer(request: Request, number: int) -> dict[str, Any]:
    """The JSON object of ``/completion``."""
    prompt_n, n = request.prompt - request.cached, request.decoded
    prompt_ms = 1e3 * (request.first - request.began)
    predicted_ms = 1e3 * (request.last - request.first)
    timings = {
        "cache_n": request.cached,
        "prompt_n": prompt_n,
        "prompt_ms": prompt_ms,
        "prompt_per_token_ms": prompt_ms / max(1, prompt_n),
        "prompt_per_second": 1e3 * prompt_n / prompt_ms,
        "predicted_n": n,
        "predicted_ms": predicted_ms,
        "predicted_per_token_ms": predicted_ms / n,
        "predicted_per_second": 1e3 * n / predicted_ms,
    }
    accepted = n - 1 - request.steps
    if accepted:
        timings |= {"draft_n": 7 * request.steps, "draft_n_accepted": accepted}
    return {
        "index": 0,
        "content": text(request.visible, number),
        "tokens": [],
        "id_slot": 0,
        "stop": True,
        "model": "some/model",
        "tokens_predicted": n,
        "tokens_evaluated": request.prompt,
        "generation_settings": {"n_predict": request.asked, "ignore_eos": n >= request.asked},
        "stop_type": "limit" if n >= request.asked else "eos",
        "timings": timings,
    }


SHAPES = {
    "llama-server": Shape(
        "answers.jsonl",
        lambda served: dumped(*(answer(r, i) for i, r in enumerate(served.measured))),
    ),
    "llama-server-one": Shape("answer.json", lambda served: dumped(answer(served.measured[0], 0))),
}
