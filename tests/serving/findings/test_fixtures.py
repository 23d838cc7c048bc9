"""Real result files: what is found, with the figures of the file by arithmetic of our own."""

import json

import pytest

from tests.real_files import real_file
from truetpot.serving.findings import Evidence, find
from truetpot.serving.metrics import recompute


def found(name):
    from truetpot.serving.readers import read

    runs = read(real_file(name))
    return [
        {finding.id: finding for finding in find(Evidence(run, recompute(run), previous=before))}
        for run, before in zip(runs, (tuple(runs[:i]) for i in range(len(runs))), strict=True)
    ]


def test_ipex_llm_quickstart():
    """Two tokens a chunk: ITL is twice TPOT, and the one request's clock agrees with TPOT."""
    (findings,) = found("ipex_llm_quickstart_stdout.txt")
    assert set(findings) == {"chunk-is-not-a-token"}
    finding = findings["chunk-is-not-a-token"]
    assert finding.factor == pytest.approx(64.87 / 32.37)
    assert round((17.06 - 0.5201) / 511 * 1e3, 2) == 32.37
    assert "(17.06 s - 520.10 ms)/(512 - 1) = 32.37 ms a token" in finding.evidence


@pytest.mark.parametrize("name", ["eagle", "batch"])
def test_inference_perf(name):
    """Two events a token, one of them a blank line: with speculation (EAGLE) and without.

    From the file alone the two do not differ: bursts are there in both, and in both there are more
    events than tokens.
    """
    path = f"inference_perf_{name}_stage0.json"
    (findings,) = found(path)
    assert set(findings) == {"chunks-counted-as-tokens", "several-a-step"}
    done = json.loads(real_file(path).read_text())["successes"]
    latency, n = done["latency"], done["output_len"]["mean"]
    span = latency["request_latency"]["mean"] - latency["time_to_first_token"]["mean"]
    reported = latency["time_per_output_token"]["mean"]
    finding = findings["chunks-counted-as-tokens"]
    assert finding.factor == pytest.approx(reported * (n - 1) / span, rel=1e-6)
    assert 0.45 < finding.factor < 0.55
    assert f"divides by {span / reported:.0f} intervals, and {n:.2f} tokens" in finding.evidence
    gaps = latency["inter_token_latency"]
    assert gaps["median"] < 0.01 * gaps["mean"]
    assert "not all are tokens" in findings["several-a-step"].evidence


def test_guidellm():
    """Eight tokens with their prefill in the mean: twice what a decoded token took."""
    both = found("guidellm_v2_report.json")
    document = json.loads(real_file("guidellm_v2_report.json").read_text())
    for findings, benchmark in zip(both, document["benchmarks"], strict=True):
        assert set(findings) == {"first-token-included"}
        metrics = benchmark["metrics"]
        means = [
            metrics[name]["successful"]["mean"]
            for name in ("time_per_output_token_ms", "inter_token_latency_ms")
        ]
        assert findings["first-token-included"].factor == pytest.approx(means[0] / means[1])


def test_mlperf():
    """9,717 ms - 201 ms over 300 tokens is what it reports: nothing to say."""
    assert found("mlperf_llama2_70b_interactive_summary.txt") == [{}]
