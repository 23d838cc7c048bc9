"""Options that leave no meaning to others: data beside each command, held to before it runs.

An option counts as given where it stands on the command line, with whatever value. What depends on
more than that, such as lists of which one is too long, the command says itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from truetpot.errors import UserError

Given = Mapping[str, Any]
"""Values of the options on the command line, by parameter."""
Written = Mapping[str, str]
"""How each parameter is written: ``--kv-format``."""
C = TypeVar("C", bound=Callable[..., None])
_RULES = "option_rules"


class Rule(Protocol):
    """What has to hold of the options of one command line."""

    @property
    def option(self) -> str:
        """The parameter that the rule begins with."""

    def broken(self, given: Given, written: Written) -> str | None:
        """One sentence on what does not go together and what to do; None where all does."""


@dataclass(frozen=True)
class Only:
    """Beside this option the command takes no others than those of ``takes``.

    A new option is refused there until it is listed.
    """

    option: str
    takes: frozenset[str]
    says: str
    """What the option does, as a verb and the rest: ``shows an archive and runs nothing``."""
    where: Callable[[Any], bool] = lambda value: True
    """Of which of its values that is true."""
    unless: str = ""
    """An option that gives the others a meaning again."""

    def broken(self, given: Given, written: Written) -> str | None:
        """A sentence that names every option that has no meaning here."""
        if not _is_on(self.option, given) or not self.where(given[self.option]):
            return None
        if _is_on(self.unless, given):
            return None
        lost = [written[name] for name in given if name not in {self.option, *self.takes}]
        return f"{written[self.option]} {self.says}: leave out {_listed(lost)}." if lost else None


@dataclass(frozen=True)
class Needs:
    """The option has a meaning beside one of ``others`` alone."""

    option: str
    others: tuple[str, ...]
    says: str
    """What the option is of: ``is a file of an archive``."""

    def broken(self, given: Given, written: Written) -> str | None:
        """A sentence that names what is lacking."""
        if not _is_on(self.option, given) or any(_is_on(name, given) for name in self.others):
            return None
        lacking = " or ".join(written[name] for name in self.others)
        return f"{written[self.option]} {self.says}: give {lacking} too, or leave it out."


@dataclass(frozen=True)
class Apart:
    """An option that leaves nothing to some others."""

    option: str
    others: tuple[str, ...]
    says: str
    """Why, of the first: ``has a config.json that says which model it is``."""
    where: Callable[[Any], bool] = lambda value: True
    """Of which values of ``option`` that is true."""

    def broken(self, given: Given, written: Written) -> str | None:
        """A sentence that names every one of them that was given."""
        if not _is_on(self.option, given) or not self.where(given[self.option]):
            return None
        lost = [written[name] for name in self.others if _is_on(name, given)]
        return f"{written[self.option]} {self.says}: leave out {_listed(lost)}." if lost else None


def printed(option: str) -> Apart:
    """Of an option that changes what is printed, and nothing in the record."""
    says = "alone or with - prints the record and nothing else"
    return Apart("json", (option,), says, lambda to: to == "-")


def together(*rules: Rule) -> Callable[[C], C]:
    """Decorator: what has to hold of the options of a command."""

    def decorate(command: C) -> C:
        setattr(command, _RULES, rules)
        return command

    return decorate


def rules_of(command: Callable[..., Any] | None) -> tuple[Rule, ...]:
    """The rules of a command; none where it has none."""
    found: tuple[Rule, ...] = getattr(command, _RULES, ())
    return found


def given_of(ctx: Any) -> tuple[Given, Written]:
    """The options that a context's command line has, and how all of the command are written."""
    written = {one.name: _written(one) for one in ctx.command.params}
    sources = {name: ctx.get_parameter_source(name) for name in written}
    given = {
        name: ctx.params.get(name)
        for name, source in sources.items()
        if source is not None and source.name in ("COMMANDLINE", "ENVIRONMENT")
    }
    return given, written


def hold(rules: tuple[Rule, ...], ctx: Any) -> None:
    """Raise UserError for the first rule that the options of a context break."""
    given, written = given_of(ctx)
    for rule in rules:
        if (sentence := rule.broken(given, written)) is not None:
            raise UserError(sentence)


def _is_on(name: str, given: Given) -> bool:
    """Whether it was given, and is no flag that was switched off."""
    return name in given and given[name] not in (None, False, (), [])


def _written(parameter: Any) -> str:
    if parameter.opts[0].startswith("-"):
        return str(parameter.opts[0])
    return str(parameter.metavar or parameter.name.upper())


def _listed(names: list[str]) -> str:
    """``--tp``, ``--tp and --batch``, ``--tp, --batch and --page``."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
