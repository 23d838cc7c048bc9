"""Tables that people printed with vLLM's client and posted: what is said of them, and what not."""

import pytest

from truetpot.serving.findings import Severity
from truetpot.serving.records import Counting, Setting, Totals

# Source; admitted, duration, requests, tokens, peak tokens/s; TTFT mean; TPOT mean, median;
# ITL mean, median, p99 (s, ms); findings.
TABLES = [
    ("vllm#33743", None, 20.87, 16, 5600, 352.0, 2633.55, 51.78, 51.75, 51.78, 46.55, 258.31, ()),
    ("vllm#31826", 8, 162.21, 1000, 199033, 1332.0, 30.87, 6.35, 6.28, 6.35, 6.08, 18.73, ()),
    (
        # Chat, all at once, lengths of ShareGPT: the short requests ran in the thick of it.
        *("vllm#18566", None, 30.85, 1000, 203068, None, 9626.13, 77.86, 48.84),
        *(38.13, 25.44, 214.35, ("tpot-itl-disagree",)),
    ),
    (
        # Speculation; the reader finds the accepted length, which is left out here.
        *("vllm#51742", 1, 48.40, 60, 18000, 122.0, 95.85, 2.38, 2.19),
        *(8.23, 8.26, 9.22, ("chunk-is-not-a-token", "peak-below-mean")),
    ),
]


def table(make, row, tokens_per_step=None):
    _, admitted, duration, requests, tokens, peak, ttft, *rest = row
    mean, median, itl_mean, itl_median, itl_p99, _ = rest
    return make.aggregates(
        Setting(max_concurrency=admitted, tokens_per_step=tokens_per_step),
        Totals(
            duration_s=duration,
            completed=requests,
            output_tokens={Counting.SERVER: tokens},
            output_tokens_per_s=tokens / duration,
            peak_output_tokens_per_s=peak,
        ),
        counting=Counting.SERVER,
        mean_ttft=ttft / 1e3,
        mean_tpot=mean / 1e3,
        median_tpot=median / 1e3,
        mean_itl=itl_mean / 1e3,
        median_itl=itl_median / 1e3,
        p99_itl=itl_p99 / 1e3,
    )


@pytest.mark.parametrize("row", TABLES, ids=lambda row: row[0])
def test_what_is_found(make, row):
    assert set(make.found(table(make, row))) == set(row[-1])


def test_stated_speculation_explains_the_gaps(make):
    found = make.found(table(make, TABLES[-1], tokens_per_step=3.5))
    assert set(found) == {"several-a-step", "peak-below-mean"}
    assert found["several-a-step"].severity is Severity.INFO
    assert found["several-a-step"].factor == pytest.approx(8.23 / 2.38)
