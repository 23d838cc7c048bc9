"""``truetpot prompts``: a set of prompts with meaning, or what an existing set is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from truetpot.cli.command import JsonOption
from truetpot.cli.outputs import check_outputs, of_model
from truetpot.cli.together import Apart, Only, together
from truetpot.errors import UserError
from truetpot.files import write_whole
from truetpot.text import one_of

if TYPE_CHECKING:
    from truetpot.records.prompts import InspectionRecord
    from truetpot.serving.prompts.compose import Prompt
    from truetpot.serving.prompts.inspect import Inspection
    from truetpot.serving.prompts.tokenizer import Tokenizer

KINDS = ("text", "random", "repeated")
LANGUAGES = ("en", "zh", "both")
OUTPUT_TOKENS = 4096
FAULTS = {
    "random": "Faulty on purpose: random ids are no text, and little of an answer is visible.",
    "repeated": "Faulty on purpose: one prompt for all, which a prefix cache computes only once.",
}


@together(
    Only("inspect", frozenset({"tokenizer", "json"}), "says what an existing set is, and makes "
         "none"),
    Apart("kind", ("corpus", "language"), "random has no text", lambda kind: kind == "random"),
)  # fmt: skip
def prompts(
    files: Annotated[list[Path] | None, typer.Argument(hidden=True)] = None,
    tokens: Annotated[int, typer.Option(min=1, help="Length of each prompt.")] = 1024,
    count: Annotated[int, typer.Option(min=1, help="How many prompts.")] = 64,
    tokenizer: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder with the model's tokenizer.")
    ] = None,
    kind: Annotated[
        str, typer.Option(help="text; or random or repeated, the two ways that spoil a benchmark.")
    ] = "text",
    form: Annotated[
        str, typer.Option(help="vllm (custom dataset, JSON lines) or sharegpt (JSON).")
    ] = "vllm",
    corpus: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILES...", help="Your own text instead of the shipped one."),
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="en, zh or both; en, or all that your own text has.")
    ] = None,
    output_tokens: Annotated[
        int | None,
        typer.Option(min=1, help=f"Output asked for; {OUTPUT_TOKENS}, less with sharegpt."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed makes another set.")] = 0,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where the set goes.")] = None,
    inspect: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Say what an existing set is, and make none."),
    ] = None,
    json: JsonOption = None,
) -> None:
    """Prompts of an exact length that ask about a text; or what an existing set of prompts is."""
    from truetpot.records.opening import command
    from truetpot.records.prompts import PromptsRecord, SetKind
    from truetpot.records.store import write_record
    from truetpot.report.terminal import Terminal
    from truetpot.serving.prompts.tokenizer import load

    own = [*(corpus or []), *(files or [])]  # a shell turns --corpus *.txt into more than one word
    check_outputs({"--json": json, "--out": out}, [*own, inspect, *of_model(tokenizer)])
    if files and not corpus:
        raise UserError(f"{files[0]} belongs to no option; text of your own goes after --corpus.")
    terminal = Terminal(quiet=json == "-")
    if inspect is not None:
        found = _inspect(inspect, load(tokenizer) if tokenizer else None)
        from truetpot.report.prompts import draw_inspection

        terminal.show(draw_inspection(found, inspect))
        if json is not None:
            write_record(_inspection_record(found, inspect), json)
        raise typer.Exit(int(found.kind is not SetKind.MEANINGFUL))
    if tokenizer is None or out is None:
        raise UserError("A set needs --tokenizer DIR and --out FILE; or --inspect FILE.")
    one_of(kind, KINDS, "--kind")
    _check_form(form, out)
    model = load(tokenizer)
    made = _make(model, kind, own, language, tokens=tokens, count=count, seed=seed)
    output = _save(made, model, form, output_tokens, out)
    for line in _said(made, model, form, tokens, output, out):
        terminal.say(line)
    if json is not None:
        record = PromptsRecord(
            command=command(),
            file=str(out),
            form=form,
            made=kind,
            prompts=count,
            tokens=tokens,
            of_that_length=sum(prompt.tokens == tokens for prompt in made),
            special_tokens=model.added,
            output_tokens=output,
            tokenizer=model.where,
            seed=seed,
            subjects=dict(Counter(prompt.subject for prompt in made if prompt.subject)),
        )
        write_record(record, json)


def _check_form(form: str, out: Path) -> None:
    """Raises UserError for a file that vLLM would not read."""
    from truetpot.serving.prompts.forms import FORMS

    one_of(form, FORMS, "--form")
    if form == "vllm" and out.suffix != ".jsonl":
        raise UserError(f"vLLM reads a custom dataset from *.jsonl only: --out {out.stem}.jsonl.")


def _make(
    tokenizer: Tokenizer, kind: str, own: list[Path], language: str | None, **size: int
) -> list[Prompt]:
    from truetpot.serving.prompts import corpus, faulty
    from truetpot.serving.prompts.compose import compose

    if language is not None:
        one_of(language, LANGUAGES, "--language")
    if kind == "random":
        return faulty.random(tokenizer, **size)
    if own:
        passages = corpus.from_files(own, language or corpus.BOTH)
    else:
        passages = corpus.shipped(language or "en")
    make = compose if kind == "text" else faulty.repeated
    return make(passages, tokenizer, **size)


def _save(made: list[Prompt], tokenizer: Tokenizer, form: str, asked: int | None, out: Path) -> int:
    """Write the set; the output tokens that it asks for."""
    from truetpot.serving.prompts import forms
    from truetpot.serving.prompts.compose import extract
    from truetpot.serving.prompts.corpus import shipped

    if form == "vllm":
        output = asked or OUTPUT_TOKENS
        text = forms.vllm(made, output)
    else:
        longest = max(prompt.tokens for prompt in made)
        output = asked or max(forms.SHAREGPT_TOTAL - longest, forms.SHAREGPT_OUTPUT)
        forms.check_sharegpt(longest, output)
        text = forms.sharegpt(made, extract(shipped("en"), tokenizer, output))
    write_whole(out, text, "--out")
    return output


def _said(
    made: list[Prompt], tokenizer: Tokenizer, form: str, tokens: int, output: int, out: Path
) -> list[str]:
    others = [prompt.tokens for prompt in made if prompt.tokens != tokens]
    added = f" ({tokenizer.added} added by the tokenizer)" if tokenizer.added else ""
    lines = [f"{len(made) - len(others):,} prompts of exactly {tokens:,} tokens{added} in {out}"]
    if others:
        lines.append(f"{len(others):,} more have {min(others):,} to {max(others):,} tokens.")
    if made[0].kind in FAULTS:
        lines.append(FAULTS[made[0].kind])
    name, length = {"vllm": ("custom", " --custom-output-len -1")}.get(form, (form, ""))
    lines.append(
        f"vllm bench serve --dataset-name {name} --dataset-path {out}{length} "
        f"--num-prompts {len(made)} asks for {output:,} tokens each."
    )
    return lines


def _inspect(file: Path, tokenizer: Tokenizer | None) -> Inspection:
    from truetpot.serving.prompts.forms import read
    from truetpot.serving.prompts.inspect import inspect

    return inspect(read(file), tokenizer)


def _inspection_record(found: Inspection, file: Path) -> InspectionRecord:
    from truetpot.records.opening import command
    from truetpot.records.prompts import InspectionRecord
    from truetpot.serving.prompts.inspect import thresholds

    return InspectionRecord(
        command=command(),
        file=str(file),
        verdict=found.kind,
        prompts=len(found.prompts),
        shares=found.shares,
        distinct=found.distinct,
        medians={name: found.middle(name) for name in thresholds()},
        thresholds=thresholds(),
        each=list(found.prompts),
    )
