"""The founding case as vLLM 0.6.6 writes it: saved, saved with details, printed."""

import json

import numpy as np
import pytest

from truetpot.serving.findings import Evidence, find, visible_counts
from truetpot.serving.metrics import recompute
from truetpot.serving.readers import read

TAU, TOTAL, TTFT = 0.02995, 4096, 1.25
VISIBLE = np.array([5, 5, 5])
INTERVAL = TAU * (TOTAL - 1)


def statistics(name, values):
    ms = np.asarray(values) * 1e3
    return {
        f"mean_{name}_ms": float(ms.mean()),
        f"median_{name}_ms": float(np.median(ms)),
        f"std_{name}_ms": float(ms.std()),
        f"p99_{name}_ms": float(np.percentile(ms, 99)),
    }


def saved(details):
    """One request after the other; all visible text in the first five messages."""
    gaps = [[TAU] * (n - 1) for n in VISIBLE]
    duration = len(VISIBLE) * (TTFT + INTERVAL)
    result = {
        "date": "20250416-101500",
        "backend": "vllm",
        "model_id": "QwQ-32B",
        "tokenizer_id": "/llm/models/QwQ-32B",
        "best_of": 1,
        "num_prompts": len(VISIBLE),
        "request_rate": "inf",
        "burstiness": 1.0,
        "max_concurrency": 1,
        "duration": duration,
        "completed": len(VISIBLE),
        "total_input_tokens": 1024 * len(VISIBLE),
        "total_output_tokens": int(VISIBLE.sum()),
        "request_throughput": len(VISIBLE) / duration,
        "request_goodput:": None,
        "output_throughput": float(VISIBLE.sum() / duration),
        "total_token_throughput": float((1024 * len(VISIBLE) + VISIBLE.sum()) / duration),
        **statistics("ttft", [TTFT] * len(VISIBLE)),
        **statistics("tpot", INTERVAL / (VISIBLE - 1)),
        **statistics("itl", np.concatenate(gaps)),
    }
    if details:
        result |= {
            "input_lens": [1024] * len(VISIBLE),
            "output_lens": VISIBLE.tolist(),
            "ttfts": [TTFT] * len(VISIBLE),
            "itls": gaps,
            "generated_texts": ["\n\n  ok"] * len(VISIBLE),
            "errors": [""] * len(VISIBLE),
        }
    return result


def printed():
    result = saved(details=False)
    labels = {
        "Successful requests:": result["completed"],
        "Benchmark duration (s):": f"{result['duration']:.2f}",
        "Total input tokens:": result["total_input_tokens"],
        "Total generated tokens:": result["total_output_tokens"],
        "Request throughput (req/s):": f"{result['request_throughput']:.2f}",
        "Output token throughput (tok/s):": f"{result['output_throughput']:.2f}",
        "Total Token throughput (tok/s):": f"{result['total_token_throughput']:.2f}",
    }
    for name in ("ttft", "tpot", "itl"):
        for statistic in ("mean", "median", "p99"):
            label = f"{statistic.capitalize()} {name.upper()} (ms):"
            labels[label] = f"{result[f'{statistic}_{name}_ms']:.2f}"
    lines = [f"{label:<40} {value:<10}" for label, value in labels.items()]
    heading = "============ Serving Benchmark Result ============"
    return "\n".join([heading, *lines, "=" * 50, ""])


def written(shape):
    return printed() if shape == "printed" else json.dumps(saved(details=shape == "details"))


@pytest.mark.parametrize("shape", ["saved", "details", "printed"])
@pytest.mark.parametrize("floor", [False, True])
def test_the_case(make, tmp_path, shape, floor):
    path = tmp_path / "result"
    path.write_text(written(shape))
    (run,) = read(path)
    held = {"yardstick": make.steady(0.01464) if floor else None, "requested_output_tokens": TOTAL}
    evidence = Evidence(run, recompute(run, TOTAL), **held)
    found = find(evidence)
    assert found[0].id == "visible-token-denominator"
    assert found[0].factor == pytest.approx((TOTAL - 1) / (VISIBLE[0] - 1), rel=1e-4)
    assert "30,661.31 ms" in found[0].evidence and "29.95 ms each" in found[0].evidence
    assert "counted short" in found[0].evidence
    others = {finding.id for finding in found[1:]}
    assert others == ({"short-outputs", "blank-text"} if shape == "details" else {"short-outputs"})
    assert [row.n for row in visible_counts(evidence) if row.standing == "open"] == [5]


@pytest.mark.parametrize("shape", ["saved", "details", "printed"])
def test_without_being_told_the_length(tmp_path, shape):
    """No such file says what was asked for: the gaps alone must show it."""
    path = tmp_path / "result"
    path.write_text(written(shape))
    (run,) = read(path)
    found = find(Evidence(run, recompute(run)))
    assert found[0].id == "visible-token-denominator"
    assert found[0].factor == pytest.approx(1023.75, rel=1e-3)
    assert "the output length asked for" in found[0].evidence
