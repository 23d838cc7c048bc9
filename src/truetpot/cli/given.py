"""What a command line says of an option that takes one value, where more of them are a mistake.

The parser takes the last of several, as programs do whose defaults stand in an alias or a Makefile.
Of an option that another command takes several times that would lose what was asked for; and of a
list the parser says that it is no number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from truetpot.errors import UserError
from truetpot.text import shortened


@contextmanager
def one_value_each(command: Any, ctx: Any, args: list[str]) -> Iterator[None]:
    """Raise UserError for an option that is given twice and that only other commands take so often,
    and where the block finds a value wrong that is a list."""
    if ctx.resilient_parsing:
        yield
        return
    values, _, order = command.make_parser(ctx).parse_args(args=list(args))
    single = [one for one in order if _takes_one(one)]
    for option, times in Counter(one.opts[0] for one in single).items():
        if times > 1 and option in _repeated(ctx):
            raise UserError(f"{option} is given {times} times; it takes one value.")
    try:
        yield
    except typer.BadParameter as error:
        wrong = getattr(error.param, "name", None)
        for option in single:
            value = values.get(option.name)
            if option.name == wrong and isinstance(value, str) and "," in value:
                named = f"{option.opts[0]} {shortened(value)!r}"
                raise UserError(f"{named} is a list; it takes one value.") from None
        raise


def _takes_one(parameter: Any) -> bool:
    """Whether it is an option with a value, and only one of them."""
    flag = getattr(parameter, "is_flag", False) or getattr(parameter, "count", False)
    option = parameter.param_type_name == "option"
    return bool(option and not flag and not parameter.multiple and parameter.nargs == 1)


def _repeated(ctx: Any) -> set[str]:
    """Options that some command takes several times."""
    commands = getattr(ctx.parent.command, "commands", {}) if ctx.parent else {}
    parameters = [one for command in commands.values() for one in command.params]
    return {one.opts[0] for one in parameters if getattr(one, "multiple", False)}
