"""Options that leave no meaning to others: every rule of every command, on its command line."""

import re

import pytest
import typer

from truetpot.cli import app
from truetpot.cli.together import Apart, Needs, Only, rules_of

COMMANDS = typer.main.get_command(app).commands
RULES = [(name, rule) for name, about in COMMANDS.items() for rule in rules_of(about.callback)]
EXAMPLES = ("1", "-", "random", "memory_read", "all_reduce", "n=1,k=1,m=1")
"""Values that anything takes, and those for which a rule has a `where`."""


def parameters(command):
    return {one.name: one for one in COMMANDS[command].params if one.name not in ("help", "ctx")}


def written(one):
    return one.opts[0] if one.opts[0].startswith("-") else one.metavar or one.name.upper()


def words(one, value="1"):
    """An option with a value, as it stands on a command line."""
    if not one.opts[0].startswith("-"):
        return [value]
    return [one.opts[0]] if getattr(one, "is_flag", False) else [one.opts[0], value]


def example(rule):
    """A value of the rule's option that it is about."""
    where = getattr(rule, "where", lambda value: True)
    return next(value for value in EXAMPLES if where(value))


def refused(command, rule):
    """The parameters that the rule refuses beside its own."""
    if isinstance(rule, Only):
        return [name for name in parameters(command) if name not in {rule.option, *rule.takes}]
    return list(rule.others) if isinstance(rule, Apart) else []


PAIRS = [(command, rule, name) for command, rule in RULES for name in refused(command, rule)]


def sentence(cli, command, given):
    """What is said of options, with what the command cannot do without."""
    line = [
        word
        for name, one in parameters(command).items()
        if name in given or one.required
        for word in words(one, given.get(name, "1"))
    ]
    done = cli(command, *line)
    assert (done.code, done.out) == (2, ""), done.err
    (said,) = done.err.strip().splitlines()
    return said


@pytest.mark.parametrize(
    ("command", "rule", "name"), PAIRS, ids=[f"{c}-{r.option}-{n}" for c, r, n in PAIRS]
)
def test_what_has_no_meaning_is_refused_by_name(cli, command, rule, name):
    known = parameters(command)
    said = sentence(cli, command, {rule.option: example(rule), name: "1"})
    assert written(known[rule.option]) in said
    assert f"leave out {written(known[name])}." in said


NEEDS = [(command, rule) for command, rule in RULES if isinstance(rule, Needs)]


@pytest.mark.parametrize(("command", "rule"), NEEDS, ids=[f"{c}-{r.option}" for c, r in NEEDS])
def test_what_needs_another_says_which(cli, command, rule):
    known = parameters(command)
    said = sentence(cli, command, {rule.option: "1"})
    assert written(known[rule.option]) in said
    assert all(written(known[name]) in said for name in rule.others)


@pytest.mark.parametrize(("command", "rule"), RULES, ids=[f"{c}-{r.option}" for c, r in RULES])
def test_a_rule_is_of_options_that_there_are_and_lets_others_be(command, rule):
    known = parameters(command)
    others = rule.takes if isinstance(rule, Only) else rule.others
    assert {rule.option, *others} <= known.keys()
    names = {name: written(one) for name, one in known.items()}
    if isinstance(rule, Only):
        assert rule.broken({rule.option: example(rule)} | dict.fromkeys(others, "1"), names) is None
    if isinstance(rule, Needs):
        for name in others:
            assert rule.broken({rule.option: "1", name: "1"}, names) is None
    fine = {rule.option: example(rule)} if isinstance(rule, Apart) else {}
    assert rule.broken(fine, names) is None


def test_a_help_that_names_another_option_has_a_rule_for_both():
    """What `Of the step that --step times` says to a reader, the command has to hold to."""
    for command in COMMANDS:
        known = parameters(command)
        by_option = {one.opts[0]: one for one in known.values()}
        linked = [{rule.option, *getattr(rule, "others", ())} for rule in rules_of(
            COMMANDS[command].callback)]  # fmt: skip
        for one in known.values():
            text = re.sub(r"truetpot \w+ --[\w-]+", "", getattr(one, "help", None) or "")
            for option in by_option.keys() & {*re.findall(r"--[\w-]+", text)}:
                other = by_option[option]
                if other.default is None or other.default is False:
                    assert any({one.name, other.name} <= pair for pair in linked), (command, text)


def test_an_option_of_the_default_value_is_given_all_the_same(cli):
    assert "leave out --device." in sentence(cli, "floor", {"published": "", "device": "arc-a770"})


def test_a_flag_that_is_off_is_not_given():
    rule, names = Needs("a", ("b",), "is of b"), {"a": "--a", "b": "--b"}
    assert rule.broken({"a": False}, names) is None
    assert rule.broken({"a": True}, names) == "--a is of b: give --b too, or leave it out."
