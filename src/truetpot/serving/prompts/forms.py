"""Files of prompts: what vLLM's custom and ShareGPT datasets read, and what people keep."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from truetpot.errors import UserError
from truetpot.files import read_text, shortened_path
from truetpot.serving.prompts.compose import Prompt
from truetpot.text import brief

GIVE = "give a set of prompts, as JSON, JSON lines or text"
FORMS = ("vllm", "sharegpt")
SHAREGPT_PROMPT, SHAREGPT_TOTAL, SHAREGPT_OUTPUT = 1024, 2048, 4
"""vLLM's ShareGPT loader drops a prompt with more tokens than the first, prompt and output with
more than the second, an output with fewer than the third: ``is_valid_sequence``."""
TEXT_KEYS = ("prompt", "text", "question", "input", "instruction", "query", "content")
"""Where a prompt may stand in an object, in this order, if it has no list of turns."""

LIST_KEYS = ("data", "prompts", "requests", "samples")
"""Where an object may keep its list of prompts."""

MOST_BYTES = 1 << 30
"""Of a set of prompts: the ShareGPT set that vLLM's documentation names has 642 MB."""

_breaks = re.compile("[\x7f-\x9f\u2028\u2029]")


def vllm(prompts: Sequence[Prompt], output_tokens: int) -> str:
    """JSON lines for ``--dataset-name custom``; keys that vLLM does not read say what a line is."""
    return "".join(
        _line(
            {
                "prompt": prompt.text,
                "output_tokens": output_tokens,
                "prompt_tokens": prompt.tokens,
                "kind": prompt.kind,
                **({"subject": prompt.subject} if prompt.subject else {}),
            }
        )
        for prompt in prompts
    )


def check_sharegpt(tokens: int, output_tokens: int) -> None:
    """Raises UserError where vLLM's loader would drop a prompt of this length."""
    if tokens > SHAREGPT_PROMPT or tokens + output_tokens > SHAREGPT_TOTAL:
        raise UserError(
            f"vLLM's ShareGPT loader would drop {tokens:,} tokens with an output of "
            f"{output_tokens:,}: it takes {SHAREGPT_PROMPT:,} at most, {SHAREGPT_TOTAL:,} with the "
            "output; use --form vllm, or fewer."
        )
    if output_tokens < SHAREGPT_OUTPUT:
        raise UserError(
            f"vLLM's ShareGPT loader would drop an output of {output_tokens}: use --form vllm, or "
            f"--output-tokens {SHAREGPT_OUTPUT} at least."
        )


def sharegpt(prompts: Sequence[Prompt], answer: str) -> str:
    """A JSON list for ``--dataset-name sharegpt``.

    ``answer`` is the second turn of all. It is never sent: vLLM counts its tokens and asks for an
    output of so many.
    """
    entries = (
        {
            "id": f"{prompt.kind}-{i}",
            "kind": prompt.kind,
            "conversations": [
                {"from": "human", "value": prompt.text},
                {"from": "gpt", "value": answer},
            ],
        }
        for i, prompt in enumerate(prompts)
    )
    return "[\n" + ",\n".join(_line(entry).rstrip("\n") for entry in entries) + "\n]\n"


def _line(record: dict[str, Any]) -> str:
    """One line, legible, with nothing inside that some reader takes for the end of a line."""
    text = json.dumps(record, ensure_ascii=False)
    return _breaks.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


def read(path: Path) -> list[str]:
    """The prompts of a file: JSON, JSON lines or plain text, told apart by what it holds.

    Plain text has a prompt a paragraph, or a line where no blank line parts paragraphs. Raises
    UserError, with the place, for what cannot be read and for an entry without a prompt.
    """
    text = read_text(path, "a set of prompts", MOST_BYTES)
    try:
        return _read(text, path)
    except MemoryError:
        shown = shortened_path(path)
        raise UserError(f"There is not enough memory to read {shown}; free some.") from None


def _read(text: str, path: Path) -> list[str]:
    first, named = text.lstrip()[:1], path.suffix in (".json", ".jsonl")
    if not named and first not in ("[", "{"):
        return _plain(text)
    try:
        return _entries(json.loads(text), path)
    except (ValueError, RecursionError) as error:
        if first == "{" or path.suffix == ".jsonl":
            return _lines(text, path)
        if named:
            shown = shortened_path(path)
            raise UserError(f"{shown} is not JSON: {_reason(error)}; {GIVE}.") from error
        return _plain(text)  # a text may begin with a bracket


def _plain(text: str) -> list[str]:
    paragraphs = re.split(r"\n\s*\n", text.strip())
    parts = paragraphs if len(paragraphs) > 1 else text.splitlines()
    return [part.strip() for part in parts if part.strip()]


def _lines(text: str, path: Path) -> list[str]:
    prompts = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError) as error:
                where = f"{shortened_path(path)}, line {number}"
                raise UserError(f"{where}, is not JSON: {_reason(error)}; {GIVE}.") from error
            prompts.append(_prompt(entry, path, f"line {number}"))
    return prompts


def _entries(whole: Any, path: Path) -> list[str]:
    """Of one JSON value: a list, an object with a list in it, or a single entry."""
    if isinstance(whole, dict):
        lists = [whole[key] for key in LIST_KEYS if isinstance(whole.get(key), list)]
        whole = lists[0] if lists else [whole]
    if not isinstance(whole, list):
        shown = shortened_path(path)
        raise UserError(f"{shown} holds no list of prompts, but {brief(whole)}.")
    return [_prompt(entry, path, f"entry {number}") for number, entry in enumerate(whole, 1)]


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return str(error)
    return "it nests too deep" if isinstance(error, RecursionError) else "a number is too long"


def _prompt(entry: Any, path: Path, place: str) -> str:
    """What of an entry is sent: the first human turn of ShareGPT, all messages up to the answer."""
    if isinstance(entry, str):
        return entry
    if isinstance(entry, dict):
        if turns := _turns(entry.get("conversations")):
            return turns[0][1]
        for key in ("messages", *TEXT_KEYS):
            value = entry.get(key)
            if isinstance(value, str):
                return value
            if turns := _turns(value):
                while len(turns) > 1 and turns[-1][0] == "assistant":
                    turns.pop()
                return "\n".join(text for _, text in turns)
    raise UserError(
        f"{shortened_path(path)}, {place} has no prompt: looked for conversations, messages, "
        f"{', '.join(TEXT_KEYS)}."
    )


def _turns(value: Any) -> list[tuple[str, str]]:
    """Role and text of each turn of a conversation; none if it is none."""
    turns = []
    for turn in value if isinstance(value, list) else []:
        if not isinstance(turn, dict):
            return []
        said = turn.get("value", turn.get("content"))
        if isinstance(said, list):
            parts = (part.get("text") for part in said if isinstance(part, dict))
            said = "\n".join(part for part in parts if isinstance(part, str))
        if isinstance(said, str):
            turns.append((str(turn.get("role", turn.get("from", ""))), said))
    return turns
