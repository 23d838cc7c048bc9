"""Which points there are, in which order, and whose prompts they send."""

from dataclasses import replace
from pathlib import Path

import pytest

from truetpot.drive.plan import SINGLE, Arm, Asked, arms_of, steps
from truetpot.errors import UserError

ONE = (Arm("", "http://h/v1"),)
TWO = (Arm("plain", "http://h:1/v1"), Arm("spec", "http://h:2/v1"))
ASKED = Asked(
    TWO, None, (200, 800), 64, (1, 4), 2, 3, None, None, "completions", "aiperf", Path("out"),
    False, False, True, 60,
)  # fmt: skip


def test_servers_alternate_within_a_point_and_turn_about():
    names = [(one.input, one.concurrency, one.round, one.arm.name) for one in steps(ASKED)]
    assert names[:4] == [
        (200, 1, 0, "plain"), (200, 1, 0, "spec"), (200, 1, 1, "spec"), (200, 1, 1, "plain"),
    ]  # fmt: skip
    assert len(set(names)) == len(names) == 2 * 2 * 2 * 2


def test_a_server_that_is_restarted_goes_through_all_points_first():
    restarted = tuple(replace(arm, restart="true") for arm in TWO)
    order = [(one.round, one.arm.name) for one in steps(replace(ASKED, arms=restarted))]
    assert order == [
        *[(0, "plain")] * 4, *[(0, "spec")] * 4, *[(1, "spec")] * 4, *[(1, "plain")] * 4,
    ]  # fmt: skip


def test_no_prompt_is_sent_twice_to_a_server_and_all_servers_get_the_same():
    prompts = list(range(ASKED.prompts))
    sent = {
        (one.arm.name, one.input, one.concurrency, one.round): tuple(one.own(ASKED, prompts))
        for one in steps(ASKED)
    }
    for arm in ("plain", "spec"):
        own = [i for key, part in sent.items() if key[:2] == (arm, 200) for i in part]
        assert sorted(own) == prompts[SINGLE:]
    for (_, *rest), part in sent.items():
        assert sent["plain", *rest] == part


def test_a_folder_names_what_there_are_several_of():
    assert steps(ASKED)[1].folder(ASKED) == Path("out/spec/in200/c1/round1")
    plain = replace(ASKED, arms=ONE, inputs=(200,), rounds=1)
    assert steps(plain)[1].folder(plain) == Path("out/c4")


@pytest.mark.parametrize(
    ("url", "given", "restarts", "said"),
    [
        (None, [], [], "Give the URL"),
        ("http://h", ["a=http://h"], [], "Give the URL"),
        (None, ["a=http://h"], [], "no comparison"),
        (None, ["a=http://h", "a=http://i"], [], "given twice"),
        (None, ["a=http://h", "../b=http://i"], [], "letters and digits"),
        (None, ["a=http://h", "http://i"], [], "letters and digits"),
        (None, ["a=http://h", "b=http://i"], ["c=x"], "names no --arm"),
        ("http://h", [], ["c=x"], "for the servers of --arm"),
    ],
)
def test_what_is_no_set_of_servers(url, given, restarts, said):
    with pytest.raises(UserError, match=said):
        arms_of(url, given, restarts)


def test_a_command_goes_with_its_server():
    arms = arms_of(None, ["a=http://h/v1", "b=http://h/v1"], ["b=./start.sh b=2"])
    assert arms == (Arm("a", "http://h/v1"), Arm("b", "http://h/v1", "./start.sh b=2"))
