"""Every form of every tool, with what a shell, a log, an editor or an issue puts around it."""

from collections.abc import Callable

import pytest

from tests.serving.fuzz.seeds import samples
from truetpot.errors import UserError
from truetpot.serving.records import Run

LOG = b"""$ run-benchmark --all
[SYCL] call ggml_check_sycl
INFO 07-16 10:15:00 started: 3 workers

"""
AROUND: dict[str, Callable[[bytes], bytes]] = {
    "a log above": lambda content: LOG + content,
    "a log below": lambda content: content.rstrip(b"\r\n") + b"\n" + LOG,
    "a code fence": lambda content: b"```\n" + content.rstrip(b"\r\n") + b"\n```\n",
    "CRLF": lambda content: content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
    "UTF-16": lambda content: content.decode().encode("utf-16"),
    "a BOM": lambda content: b"\xef\xbb\xbf" + content,
}


def said(runs: list[Run]) -> list[tuple[object, ...]]:
    """Without the places, which are others."""
    return [
        (
            run.tool,
            run.variant,
            sorted((f.metric.value, f.statistic, repr(f.value)) for f in run.figures),
            repr(run.totals),
            repr(run.setting),
            run.requests and (run.requests.latency_s.tobytes(), run.requests.tokens.tobytes()),
        )
        for run in runs
    ]


def told(read: Callable[[bytes], list[Run]], content: bytes) -> object:
    """The same, or the sentence that refuses it: some known forms have no time per token."""
    try:
        return said(read(content))
    except UserError as error:
        return str(error)


@pytest.mark.parametrize("name", samples())
def test_what_stands_around_does_not_matter(
    name: str, runs: Callable[[bytes], list[Run]]
) -> None:
    content, _ = samples()[name]
    plain = told(runs, content)
    for around, put in AROUND.items():
        assert told(runs, put(content)) == plain, around
