"""Query tokens of a step, out of what files state of their drafts."""

from dataclasses import replace

import pytest

from truetpot.serving.records import Drafts, Run, Setting, Totals
from truetpot.serving.speculation import drafted_a_step, query_tokens_of, verifies

RUN = Run("vllm", "save-result", "", {}, (), Totals(), Setting())


@pytest.mark.parametrize(
    ("drafts", "gave", "drafted", "tokens", "same"),
    [
        (None, 2.4, None, 1, True),
        (Drafts("", steps=1000, drafted=3000, accepted=1400), None, 3.0, 4, True),
        # acceptance by position: 1.4 accepted a step are 0.4667 of 3
        (Drafts("", rate=0.4667, by_position=(0.8, 0.4, 0.2)), None, 1.4 / 0.4667, 4, True),
        # printed with two decimals: 1.45 / 0.48 is 3 and a little
        (Drafts("", rate=0.48), 2.45, 1.45 / 0.48, 4, True),
        (Drafts("", rate=0.49), 2.45, 1.45 / 0.49, 3 + 1, True),
        # drafts of several lengths: 2.5 in the mean are 3 rows at least, and no one step's
        (Drafts("", steps=1000, drafted=2500), None, 2.5, 3, False),
        (Drafts("", rate=0.0), 1.0, None, 1, True),
        (Drafts("", drafted=10, rate=0.62), None, None, 1, True),
        (Drafts("", steps=1, drafted=1 << 60), None, None, 1, True),
    ],
)
def test_query_tokens(drafts, gave, drafted, tokens, same):
    run = replace(RUN, setting=Setting(tokens_per_step=gave), drafts=drafts)
    assert drafted_a_step(run) == (None if drafted is None else pytest.approx(drafted))
    assert query_tokens_of(run) == tokens
    assert verifies(run, tokens) is same
    assert not verifies(run, tokens + 1)
