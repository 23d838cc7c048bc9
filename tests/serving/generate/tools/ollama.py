"""Ollama's answers, one a line, and what ``ollama run --verbose`` prints of one.

ollama/ollama api/types.go Metrics and Metrics.Summary, server/routes.go GenerateHandler,
runner/ollamarunner/runner.go: the prompt's time runs from the start of its processing to its last
token's logits, the other from there to the last token, and all tokens divide it. Durations are
whole ns, and printed as Go prints them.
"""

from __future__ import annotations

from typing import Any

from tests.serving.generate.figures import dumped, text
from tests.serving.generate.served import Request, Served
from tests.serving.generate.shape import Load, Shape

LOADED_NS = 1_234_567_890


def answer(request: Request, number: int) -> dict[str, Any]:
    """The last message of a stream, or the whole answer without one."""
    return {
        "model": "some-model:latest",
        "created_at": "2026-09-01T00:00:00.5Z",
        "response": text(request.visible, number),
        "done": True,
        "done_reason": "length" if request.decoded >= request.asked else "stop",
        "context": [1, 2],
        "total_duration": LOADED_NS + _ns(request.last - request.began),
        "load_duration": LOADED_NS,
        "prompt_eval_count": request.prompt,
        "prompt_eval_duration": _ns(request.first - request.began),
        "eval_count": request.decoded,
        "eval_duration": _ns(request.last - request.first),
    }


def verbose(served: Served) -> bytes:
    """The end of a session in the terminal."""
    found = answer(served.measured[0], 0)
    prompt, ours = found["prompt_eval_duration"], found["eval_duration"]
    return (
        f"{found['response'].strip()}\n\n"
        f"total duration:       {_go(found['total_duration'])}\n"
        f"load duration:        {_go(found['load_duration'])}\n"
        f"prompt eval count:    {found['prompt_eval_count']} token(s)\n"
        f"prompt eval duration: {_go(prompt)}\n"
        f"prompt eval rate:     {found['prompt_eval_count'] / prompt * 1e9:.2f} tokens/s\n"
        f"eval count:           {found['eval_count']} token(s)\n"
        f"eval duration:        {_go(ours)}\n"
        f"eval rate:            {found['eval_count'] / ours * 1e9:.2f} tokens/s\n"
    ).encode()


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)


def _go(ns: int) -> str:
    """time.Duration.String: all digits that there are, no zeros behind."""
    if ns < 1_000_000_000:
        return f"{ns / 1e6:.6f}".rstrip("0").rstrip(".") + "ms"
    minutes, rest = divmod(ns, 60_000_000_000)
    seconds = f"{rest / 1e9:.9f}".rstrip("0").rstrip(".") + "s"
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + seconds


SHAPES = {
    "ollama": Shape(
        "answers.jsonl",
        lambda served: dumped(*(answer(r, i) for i, r in enumerate(served.measured))),
        Load.ALONE,
    ),
    "ollama-verbose": Shape("terminal.txt", verbose, Load.ALONE),
}
