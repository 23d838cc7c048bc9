"""llama-server's own clocks: tokens decoded in the prompt's time, prompts found in the cache."""

import pytest

from tests.serving.readers.files import read_json
from tests.serving.readers.llama_files import llama_server_answer
from truetpot.records.verdicts import Severity, Verdict
from truetpot.serving.check import check_run
from truetpot.serving.records import Totals
from truetpot.serving.verdict import judge


def answer(prompt_ms, ms, prompt_n=40, cache_n=0, n=96):
    found = llama_server_answer(
        cache_n=cache_n,
        prompt_n=prompt_n,
        prompt_ms=prompt_ms,
        predicted_n=n,
        predicted_ms=ms,
        predicted_per_token_ms=ms / n,
    )
    asked = {"n_predict": n, "ignore_eos": True}
    return {
        **found,
        "content": "word " * n,
        "generation_settings": asked,
        "tokens_evaluated": prompt_n + cache_n,
    }


def checked(folder, answers):
    one = check_run(read_json(folder, answers)[0])
    return one, {finding.id: finding for finding in one.findings}


class TestDecodedBeforeTheFirstToken:
    def test_a_microsecond_a_token(self, tmp_path):
        """4,075 ms of prompt and 1 ms of 96 tokens: (4,075 + 1)/96 = 42.46 ms at most."""
        one, findings = checked(tmp_path, [answer(4075.0 + i, 1.0 + i / 100) for i in range(4)])
        assert set(findings) == {"decoded-before-the-first-token"}
        finding = findings["decoded-before-the-first-token"]
        assert finding.severity is Severity.ERROR
        mean = sum((4076.0 + 1.01 * i) / 96 for i in range(4)) / 4
        pace = sum((1.0 + i / 100) / 95 for i in range(4)) / 4
        assert finding.factor == pytest.approx(pace / mean, rel=1e-9)
        assert "42.47 ms at most" in finding.evidence and "40 tokens of prompt" in finding.evidence
        found = judge(one)
        assert found.verdict is Verdict.NOT_COMPARABLE and "42.47 ms" in found.why

    @pytest.mark.parametrize(
        ("prompt_ms", "ms", "prompt_n"),
        [
            (2000.0, 2880.0, 800),  # Plain.
            (31.0, 2880.0, 1),  # A prompt of one new token.
            (10000.0, 240.0, 8),  # Kernels are compiled at the first prompt; 2.5 ms a token.
            (200.0, 9.0, 4000),  # 0.095 ms a token of a tiny model, 0.05 of its prompt.
        ],
    )
    def test_what_is_none(self, tmp_path, prompt_ms, ms, prompt_n):
        _, findings = checked(tmp_path, [answer(prompt_ms, ms, prompt_n)] * 3)
        assert findings == {}

    def test_most_of_the_answers(self, tmp_path):
        wrong, right = answer(4075.0, 1.0), answer(100.0, 2880.0)
        assert checked(tmp_path, [wrong] * 9 + [right])[1].keys() >= {
            "decoded-before-the-first-token"
        }
        assert "decoded-before-the-first-token" not in checked(tmp_path, [wrong, right])[1]


class TestCachedPrompts:
    def test_nine_of_ten(self, tmp_path):
        found = [answer(31.0, 2880.0, 1, 799) for _ in range(9)]
        one, findings = checked(tmp_path, [answer(2000.0, 2880.0, 800), *found])
        assert set(findings) == {"cached-prompts"}
        finding = findings["cached-prompts"]
        assert finding.severity is Severity.WARNING and finding.factor is None
        assert finding.evidence == (
            "9 of 10 prompts were found, 799 of 800 tokens: their mean TTFT is 31.00 ms, that of "
            "the others 2,000.00 ms, 64.5 times as long."
        )
        assert judge(one).reported_s == pytest.approx(2.880 / 95)

    def test_all_of_them(self, tmp_path):
        _, findings = checked(tmp_path, [answer(31.0, 2880.0, 1, 799)] * 2)
        assert findings["cached-prompts"].evidence == (
            "2 of 2 prompts were found, 799 of 800 tokens: their mean TTFT is 31.00 ms."
        )

    def test_the_beginning_of_a_chat_template(self, tmp_path):
        assert checked(tmp_path, [answer(2000.0, 2880.0, 780, 20)] * 3)[1] == {}

    def test_of_all_requests_together(self, make):
        """inference-perf and SGLang's cache report have sums only."""
        totals = Totals(completed=10, input_tokens=8000, cached_tokens=7200)
        found = make.found(make.aggregates(totals=totals, mean_ttft=0.031, mean_tpot=0.03))
        assert found["cached-prompts"].evidence == (
            "7,200 of 8,000 tokens of prompt were found, 90 %: the mean TTFT of 31.00 ms is of the "
            "rest."
        )
        for cached in (0, 3999, 8001, None):
            totals = Totals(completed=10, input_tokens=8000, cached_tokens=cached)
            assert make.found(make.aggregates(totals=totals, mean_tpot=0.03)) == {}
