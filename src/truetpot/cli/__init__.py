"""The door: ``truetpot <command>``.

Commands import what they need when they run, so that ``truetpot floor`` does not wait for torch.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn, cast

import typer

from truetpot import __version__
from truetpot.cli.check import check
from truetpot.cli.command import JsonCommand
from truetpot.cli.decode import decode
from truetpot.cli.dispatch import dispatch
from truetpot.cli.doctor import doctor
from truetpot.cli.floor import floor
from truetpot.cli.isa import isa
from truetpot.cli.kernels import kernels
from truetpot.cli.prompts import prompts
from truetpot.cli.providers import providers
from truetpot.cli.supervise import at_risk, supervise
from truetpot.cli.tune import tune
from truetpot.errors import KernelError, UserError
from truetpot.runtime.running import supervised

INVALID = 1
USER_ERROR = 2
INTERRUPTED = 130

app = typer.Typer(
    name="truetpot",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in (floor, decode, kernels, tune, check, prompts, providers, dispatch, doctor, isa):
    app.command(cls=JsonCommand)(_command)

# The class that usage errors share. Recent typer has its own copy of click, older ones use click's.
_ClickException = cast(
    type[Exception],
    next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException"),
)


def _version(value: bool) -> None:
    if value:
        print(f"truetpot {__version__}")
        raise typer.Exit


@app.callback()
def _truetpot(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """How long one decoded token really takes: rungs from datasheet to whole decode step."""


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit: 0, 1 for an invalid run, 2 for a mistake of the user's, 130.

    The command line's own call, without ``argv``, is run in a child where a kernel could end it.
    """
    here = supervised()
    if here is None and argv is None and at_risk(sys.argv[1:]):
        sys.exit(supervise(sys.argv[1:]))
    code = INVALID
    try:
        code = _run(argv)
    finally:
        if here is not None:
            here.finish(code)
    sys.exit(code)


def _run(argv: Sequence[str] | None) -> int:
    try:
        args = None if argv is None else list(argv)
        code = app(args=args, prog_name="truetpot", standalone_mode=False)
    except UserError as error:
        print(f"truetpot: {error}", file=sys.stderr)
        return USER_ERROR
    except _ClickException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            print(getattr(error, "message", ""), file=sys.stderr)
            return USER_ERROR
        text = " ".join(error.format_message().split()).rstrip(".")  # type: ignore[attr-defined]
        print(f"truetpot: {text}; see truetpot --help.", file=sys.stderr)
        return USER_ERROR
    except KernelError as error:
        print(f"truetpot: {error}.", file=sys.stderr)
        return INVALID
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output, head for one, has seen enough
        sys.stderr.close()
        return 0
    return code if isinstance(code, int) else 0
