"""An option that takes one value and has two of them, or a list."""

import pytest
from typer.main import get_command

from truetpot.cli import app, main

COMMANDS = get_command(app).commands


def said(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert ended.value.code == 2
    return " ".join(capsys.readouterr().err.split())


def several(command):
    """Its options that may be given several times."""
    return {one.opts[0] for one in COMMANDS[command].params if getattr(one, "multiple", False)}


SEVERAL = set().union(*map(several, COMMANDS))
SINGLE = [
    (name, one.opts[0])
    for name, command in COMMANDS.items()
    for one in command.params
    if one.opts[0] in SEVERAL and one.opts[0] not in several(name)
]


@pytest.mark.parametrize(("command", "option"), SINGLE)
def test_what_another_command_takes_several_times_is_refused_twice(capsys, command, option):
    told = said(capsys, command, option, "default", option, "tuned")
    assert told == f"truetpot: {option} is given 2 times; it takes one value."


def test_it_is_config_of_isa_and_launch():
    assert {("isa", "--config"), ("launch", "--config")} <= {*SINGLE}


def test_the_last_of_several_counts_elsewhere(capsys):
    """As where defaults stand in an alias, and one of them is said otherwise."""
    assert "unknown model 'b'" in said(capsys, "floor", "--model", "a", "--model", "b")


@pytest.mark.parametrize(
    "words",
    [
        ("launch", "--batch", "1,8"),
        ("isa", "--context", "1,2"),
        ("decode", "--seconds", "1,5"),
        ("floor", "--tp=2,4"),
    ],
)
def test_a_list_for_a_number(capsys, words):
    option, _, value = "=".join(words[1:]).partition("=")
    told = said(capsys, *words)
    assert told == f"truetpot: {option} '{value}' is a list; it takes one value."


def test_what_is_no_list_is_told_as_before(capsys):
    assert "valid integer" in said(capsys, "decode", "--layers", "1.5")


def test_a_flag_may_be_said_twice(capsys):
    assert "give --json too" in said(capsys, "decode", "--resume", "--resume")


def test_an_option_that_takes_several_may_be_said_as_often(capsys):
    words = ("kernels", "--config", "default", "--config", "tuned", "--op", "nothing")
    assert "There is no operator 'nothing'" in said(capsys, *words)
