"""What commands share: options, ``--json`` with an optional value, and lists."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from truetpot.cli.environment import check_variables
from truetpot.cli.given import one_value_each
from truetpot.cli.together import hold, rules_of
from truetpot.cli.values import names_of
from truetpot.errors import UserError
from truetpot.text import shortened

STDOUT = "-"
MOST = 10**12
"""Of what is counted: far beyond any memory."""

JsonOption = Annotated[
    str | None,
    typer.Option(
        "--json",
        metavar="[FILE|-]",
        help="Write the record to FILE; alone or with -, to standard output and nothing else.",
    ),
]
KernelsOption = Annotated[
    Path | None,
    typer.Option("--kernels", metavar="DIR", help="A folder with kernels of your own."),
]
DeviceOption = Annotated[
    str,
    typer.Option(
        "--device", help="auto, cpu, xpu[:i], cuda[:i], opencl:gpu[:i] or opencl:cpu[:i]."
    ),
]
BatchOption = Annotated[int, typer.Option("--batch", min=1, help="Sequences decoded at once.")]
BatchesOption = Annotated[
    str, typer.Option("--batch", metavar="1,8,..", help="Sequences decoded at once, several.")
]
QueryTokensOption = Annotated[
    int,
    typer.Option(
        "--query-tokens",
        min=1,
        max=8,
        help="Of each sequence in a step: of a verified draft its tokens and one more.",
    ),
]
SeveralQueryTokensOption = Annotated[
    str,
    typer.Option(
        "--query-tokens",
        metavar="1,4,..",
        help="Of each sequence in a step, several: of a verified draft its tokens and one more.",
    ),
]
DtypeOption = Annotated[
    str,
    typer.Option(
        "--dtype", help="Activations: bf16, fp16, fp32; auto is fp16 on xpu and opencl, else bf16."
    ),
]
KvFormatOption = Annotated[
    str,
    typer.Option(
        "--kv-format",
        help="KV cache: bf16, fp16, fp32, fp8_e5m2, fp8_e4m3; auto is as the activations.",
    ),
]
PageOption = Annotated[
    int | None,
    typer.Option("--page", min=1, help="Tokens a page of the KV cache; else contiguous."),
]
HtmlOption = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Draw a report, one file for any browser."),
]
SvgOption = Annotated[
    Path | None, typer.Option("--svg", metavar="FILE", help="Draw the record's chart.")
]


class Commands(TyperGroup):
    """Shows each command's summary whole; click cuts it where the line ends."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Each command with its whole summary, folded to the terminal's width."""
        rows = [(name, one.get_short_help_str(limit=1000)) for name, one in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class JsonCommand(TyperCommand):
    """Reads ``--json`` without a value as ``--json -``; neither typer nor argparse-like use can.

    Its help has the names that options take.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the dash where the value is left out."""
        whole: list[str] = []
        for i, arg in enumerate(args):
            whole.append(arg)
            following = args[i + 1] if i + 1 < len(args) else "--"
            if arg == "--json" and following.startswith("-") and following != STDOUT:
                whole.append(STDOUT)
        with one_value_each(self, ctx, whole):
            return super().parse_args(ctx, whole)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """The options, and below them the names that they take."""
        super().format_options(ctx, formatter)
        found = [(one, names_of(str(self.name), str(one.name))) for one in self.params]
        rows = [(one.opts[0], ", ".join(names())) for one, names in found if names is not None]
        if not rows:
            return
        room = formatter.width - max(len(option) for option, _ in rows) - 6
        with formatter.section("Names"):
            formatter.write_dl([(option, _listed(names, room)) for option, names in rows])

    def invoke(self, ctx: Any) -> Any:
        """Run the command, once nothing it imports stumbles and its options go together."""
        check_variables()  # first: a rule may import as well
        hold(rules_of(self.callback), ctx)
        return super().invoke(ctx)


def _listed(names: str, width: int) -> str:
    """Names in lines, none of them broken at a hyphen; the mark before them keeps click from it."""
    lines = textwrap.wrap(names, max(width, 20), break_on_hyphens=False, break_long_words=False)
    return "\n".join(["\b", *lines])


def listed(text: str, option: str) -> tuple[str, ...]:
    """A comma-separated list. Raises UserError for an empty one."""
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        shown = shortened(text)
        raise UserError(f"{option} {shown!r} names nothing; give names separated by commas.")
    return names


def numbers(text: str, option: str) -> list[int]:
    """Comma-separated integers. Raises UserError for anything else."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        shown = shortened(text)
        raise UserError(f"{option} {shown!r} is not a list of integers such as 5,17,3.") from None


def counts(text: str, option: str, least: int) -> tuple[int, ...]:
    """Comma-separated numbers, each once. Raises UserError for one below ``least``."""
    found = tuple(dict.fromkeys(numbers(text, option)))
    if min(found) < least:
        raise UserError(f"{option} {shortened(text)!r} is out of range; give {least} or more.")
    if max(found) > MOST:
        raise UserError(f"{option} {shortened(text)!r} is out of range; give at most {MOST:,}.")
    return found
