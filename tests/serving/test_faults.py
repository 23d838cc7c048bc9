"""Files made after public reports: each once was judged wrongly, and has its right value here."""

import pytest

from tests.real_files import DATA
from truetpot.facts.hardware import load_hardware
from truetpot.facts.models import load_model
from truetpot.records.verdicts import Severity, Verdict
from truetpot.serving.check import check_file
from truetpot.serving.verdict import judge
from truetpot.serving.yardstick import from_facts

FOLDER = DATA / "made" / "check"


@pytest.fixture(scope="module")
def arc():
    """A floor of 14.3 ms and more."""
    return from_facts(load_model("qwq-32b"), load_hardware("arc-a770"), 4, "fp8_e5m2")


def checked(name, yardstick=None, asked=None):
    (one,) = check_file(FOLDER / name, yardstick, asked)
    return one, {finding.id: finding for finding in one.findings}


@pytest.mark.parametrize(
    ("name", "batch"),
    [
        # 640 requests in 326.6 s, each 30.66 s from its first token to its end
        ("06-genai-perf-concurrency-64.json", 640 / 326.6 * 30.66),
        ("06b-same-run-as-vllm.json", 640 / 326.6 * 30.66),
        # 10 requests a second, each 12.75 s
        ("08-mlperf-server.txt", 127.5),
        ("02-guidellm-warmup-rows.json", 1.0),
        ("04-guidellm-idle-window.json", 1.0),
    ],
)
def test_the_batch_that_a_file_determines(name, batch):
    one, _ = checked(name)
    known = judge(one).batch
    assert known.value == pytest.approx(batch, rel=1e-3)
    assert known.low <= known.value <= known.high
    assert not known.assumed


@pytest.mark.parametrize("with_floor", [True, False])
def test_chunks_of_ten_tokens_the_first_too(arc, with_floor):
    """160 ms between two messages, 20 tokens in two of them; only a floor tells the rest."""
    one, findings = checked("a1_stream_interval_20.json", arc if with_floor else None)
    evidence = findings["chunk-is-not-a-token"].evidence
    assert "each message held 10.0 tokens, the first too, and a token took 16.00 ms" in evidence
    assert ("the others 19.0, and a token took 8.42 ms" in evidence) != with_floor
    found = judge(one)
    assert found.verdict is Verdict.NOT_COMPARABLE
    said = "a token took 16 ms" if with_floor else "undecided between 8.423 and 16 ms"
    assert said in found.why


def test_reasoning_that_is_counted_and_not_seen(arc):
    """1,000 tokens, the last 100 visible in 2.97 s; the first of these after 27.5 s."""
    for yardstick in (None, arc):
        one, findings = checked("a3_guidellm_reasoning.json", yardstick)
        assert set(findings) == {"hidden-tokens"}
        assert findings["hidden-tokens"].factor == pytest.approx((2.97 / 999) / (2.97 / 99))
        found = judge(one)
        assert found.verdict is Verdict.NOT_COMPARABLE
        assert "true time per token of 30 ms" in found.why


@pytest.mark.parametrize(
    "name", ["10-vllm-prefill-stalls.txt", "10b-vllm-prefill-stalls-p99-8500.txt"]
)
@pytest.mark.parametrize("with_floor", [True, False])
def test_a_median_gap_of_a_whole_step_is_no_burst(arc, name, with_floor):
    one, findings = checked(name, arc if with_floor else None)
    assert set(findings) == {"stalls"}
    assert "45 ms" in judge(one).why


def test_a_verdict_that_says_what_its_finding_says():
    one, findings = checked("15-inference-perf-two-events-a-token.json")
    assert findings["chunks-counted-as-tokens"].factor == pytest.approx(0.5)
    found = judge(one)
    assert found.verdict is Verdict.NOT_COMPARABLE
    assert "stream events" in found.why and "20 ms" in found.why


def test_a_table_without_a_time_per_token_is_judged_by_its_means():
    """(2,080 - 100) ms over 99 tokens."""
    one, findings = checked("11-sglang-table-without-tpot.txt")
    assert not findings
    assert judge(one).reported_s == pytest.approx(0.020)


@pytest.mark.parametrize("name", ["07-aiperf-no-isl.json", "08-mlperf-server.txt"])
def test_a_prompt_that_no_file_tells_is_unknown(name):
    one, _ = checked(name)
    found = judge(one)
    assert "the prompt's length is unknown" in found.context.source
    assert found.context.high is None


def test_a_ratio_of_zero_by_the_clients_age():
    """An old client draws from 0 to the length given, a new one takes just that."""
    assert not checked("a14_old_range_ratio.txt")[1]
    _, findings = checked("a14_new_range_ratio.txt")
    assert findings["short-outputs"].severity is Severity.ERROR
    assert findings["short-outputs"].evidence.startswith("A request has 257.40 of 512")


def test_a_throughput_that_the_requests_contradict():
    one, findings = checked("a16_mlperf_108608593901538.98.txt")
    assert set(findings) == {"throughput-contradicted"}
    # 2.10 requests/s of 1 + 12.6 s / 42 ms tokens
    evidence = findings["throughput-contradicted"].evidence
    assert "2.10 requests/s of 301 tokens make 632.10" in evidence
    assert judge(one).batch.value == pytest.approx(2.1 * 12.6)


def test_a_duration_past_the_last_request():
    _, findings = checked("04-guidellm-idle-window.json")
    assert set(findings) == {"idle-in-the-duration"}
    assert "42.00 s" in findings["idle-in-the-duration"].evidence
    assert "21.00 s" in findings["idle-in-the-duration"].evidence
