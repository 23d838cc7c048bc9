"""The door: ``truetpot <command>``.

Commands import what they need when they run, so that ``truetpot floor`` does not wait for torch.
Their functions are long by their options, which are written out one by one; the bodies are not.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, NoReturn, cast

import typer

from truetpot import __version__
from truetpot.cli.check import check
from truetpot.cli.command import Commands, JsonCommand
from truetpot.cli.contact import contact
from truetpot.cli.crash import explain
from truetpot.cli.decode import decode
from truetpot.cli.dispatch import dispatch
from truetpot.cli.doctor import doctor
from truetpot.cli.drive import drive
from truetpot.cli.environment import strict
from truetpot.cli.fleet import fleet
from truetpot.cli.floor import floor
from truetpot.cli.isa import isa
from truetpot.cli.kernels import kernels
from truetpot.cli.launch import launch
from truetpot.cli.library import library
from truetpot.cli.predict import predict
from truetpot.cli.prompts import prompts
from truetpot.cli.providers import providers
from truetpot.cli.report import report
from truetpot.cli.signals import interrupting
from truetpot.cli.streams import Lasting, lasting
from truetpot.cli.supervise import at_risk, supervise
from truetpot.cli.trace import trace
from truetpot.cli.tune import tune
from truetpot.cli.validate import validate
from truetpot.cli.values import completed
from truetpot.exits import ExitCode
from truetpot.runtime.running import supervised

app = typer.Typer(
    name="truetpot",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in (
    floor, decode, kernels, tune, launch, check, trace, library, predict, prompts, providers,
    dispatch, doctor, contact, isa, drive, validate, fleet, report,
):  # fmt: skip
    app.command(cls=JsonCommand)(completed(_command))

ANYWHERE = ("check", "fleet", "floor", "library", "predict", "prompts", "report", "trace")
"""What asks no device: on any operating system, without torch."""

# The class that usage errors share. Recent typer has its own copy of click, older ones use click's.
_ClickException = cast(
    type[Exception],
    next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException"),
)


def _version(value: bool) -> None:
    if value:
        from truetpot.report.terminal import Terminal

        Terminal().show(f"truetpot {__version__}")
        raise typer.Exit


@app.callback()
def _truetpot(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """How long one decoded token really takes: rungs from datasheet to whole decode step."""


def _only_on_linux(arguments: Sequence[str]) -> str | None:
    """The command, where it asks a device, a driver or other processes."""
    command = next((one for one in arguments if not one.startswith("-")), None)
    return None if command is None or command in ANYWHERE else command


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit with its code.

    The command line's own call, without ``argv``, is run in a child where a kernel could end it.
    """
    if sys.platform == "win32" and argv is None and (command := _only_on_linux(sys.argv[1:])):
        _tell(
            f"truetpot: {command} runs on Linux, and this is Windows; here there are "
            f"{', '.join(ANYWHERE)}."
        )
        sys.exit(ExitCode.MISTAKE)
    here = supervised()
    if here is None and argv is None and at_risk(sys.argv[1:]):
        sys.exit(supervise(sys.argv[1:]))
    code = run(argv, last=argv is None)
    if here is not None:
        here.finish(code)
    sys.exit(code)


def run(argv: Sequence[str] | None = None, last: bool = False) -> int:
    """Run a command; its :class:`ExitCode`. Nothing that goes wrong in it gets past here.

    ``last`` where nothing but the end of the process comes after it.
    """
    with interrupting(last) as interrupts, lasting() as out, _told_in_threads(), strict():
        try:
            code: int = _outcome(argv)
        except KeyboardInterrupt:
            code = ExitCode.INTERRUPTED
        if code == ExitCode.INTERRUPTED:
            return interrupts.code
        return _output_lost(out, code)


def _outcome(argv: Sequence[str] | None) -> int:
    """The code of the command, or of what it raises, which is told."""
    try:
        args = None if argv is None else list(argv)
        code = app(args=args, prog_name="truetpot", standalone_mode=False)
    except _ClickException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            _tell(*getattr(error, "message", "").splitlines())
            return ExitCode.MISTAKE
        text = " ".join(error.format_message().split()).rstrip(".")  # type: ignore[attr-defined]
        _tell(f"truetpot: {text}; see truetpot --help.")
        return ExitCode.MISTAKE
    except typer.Abort as error:
        # typer's own for the two exceptions by which a question at a terminal ends
        if not isinstance(error.__cause__, EOFError):
            return ExitCode.INTERRUPTED
        return _explained(error.__cause__)
    except SystemExit as error:
        if _completes(sys.argv[1:] if argv is None else argv) and error.code in (0, None):
            return ExitCode.OK
        # not ours: something that we called wants to end the process, typer for a closed pipe
        return _explained(error.__context__ or error)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BaseException as error:  # noqa: BLE001
        # a library in Rust panics with one that is no Exception
        return _explained(error)
    return code if isinstance(code, int) else ExitCode.OK


def _completes(arguments: Sequence[str]) -> bool:
    """Whether it is typer that serves a shell's completion, which it ends by SystemExit."""
    first = arguments[0] if arguments else ""
    asked = first in ("--install-completion", "--show-completion")
    return asked or "_TRUETPOT_COMPLETE" in os.environ


def _explained(error: BaseException) -> ExitCode:
    sentence, code = explain(error)
    _tell(f"truetpot: {sentence}")
    return code


def _tell(*lines: str) -> None:
    """On standard error; a name or an exception in it is escaped there."""
    from truetpot.report.terminal import Terminal

    terminal = Terminal()
    for line in lines:
        terminal.status(line, style="")


def _output_lost(out: Lasting | None, code: int) -> int:
    """The code; another one, and a sentence, where not all that was to be shown was."""
    if out is None:
        return code
    out.flush()
    if out.error is None or code not in (ExitCode.OK, ExitCode.INVALID):
        return code
    _tell(f"truetpot: Standard output cannot be written: {out.error.strerror}; send it elsewhere.")
    return ExitCode.MISTAKE


@contextmanager
def _told_in_threads() -> Iterator[None]:
    """What ends a thread is told as what ends the command is."""
    before = threading.excepthook

    def tell(what: threading.ExceptHookArgs) -> None:
        if what.exc_value is not None and not isinstance(what.exc_value, SystemExit):
            _explained(what.exc_value)

    threading.excepthook = tell
    try:
        yield
    finally:
        threading.excepthook = before
