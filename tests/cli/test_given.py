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


def single(command):
    """Its options with one value."""
    return [
        one
        for one in COMMANDS[command].params
        if one.param_type_name == "option" and not one.is_flag and not one.multiple
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_with_one_value_is_refused_twice(capsys, command):
    options = single(command)
    assert options
    for option in options:
        name = option.opts[0]
        told = said(capsys, command, name, "1", name, "1")
        assert told == f"truetpot: {name} is given 2 times; it takes one value."


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
