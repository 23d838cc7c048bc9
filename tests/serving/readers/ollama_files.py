"""Small files with Ollama's keys: api/types.go, GenerateResponse, ChatResponse, Metrics.Summary."""

from tests.serving.readers.files import dumped, lines


def durations(**more):
    """100 tokens in 2.5 s after a prompt of 20 in 0.2 s, and a second of loading."""
    return {
        "total_duration": 3_750_000_000,
        "load_duration": 1_000_000_000,
        "prompt_eval_count": 20,
        "prompt_eval_duration": 200_000_000,
        "eval_count": 100,
        "eval_duration": 2_500_000_000,
        **more,
    }


def generated(**more):
    head = {"model": "qwq:32b", "created_at": "2026-09-01T00:00:00.5Z"}
    head["response"] = "Arc is\na card."
    return {**head, "done": True, "done_reason": "length", "context": [1, 2], **durations(**more)}


def chatted(**more):
    message = {"role": "assistant", "content": "Arc is a card."}
    head = {"model": "llama3.1:8b", "created_at": "2026-09-01T00:00:00Z", "message": message}
    return {**head, "done_reason": "stop", "done": True, **durations(**more)}


def streamed():
    """Three messages, the last with the durations."""
    head = {"model": "qwq:32b", "created_at": "2026-09-01T00:00:00Z"}
    parts = [{**head, "response": word, "done": False} for word in ("Arc", " is")]
    return [*parts, {**generated(), "response": ""}]


VERBOSE = """\
$ ollama run --verbose qwq:32b "What is Arc?"
Arc is a card. Its eval rate: unknown.

total duration:       1m3.75s
load duration:        1.000000s
prompt eval count:    20 token(s)
prompt eval duration: 200ms
prompt eval rate:     100.00 tokens/s
eval count:           100 token(s)
eval duration:        2.5s
eval rate:            40.00 tokens/s
"""

SEEDS = {
    "ollama_generate": dumped(generated()),
    "ollama_lines": lines(*streamed(), chatted()),
    "ollama_verbose": VERBOSE.encode(),
}
