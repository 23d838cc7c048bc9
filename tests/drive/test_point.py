"""What of a load generator's file is a point, and what ends it."""

from pathlib import Path

import numpy as np
import pytest

from truetpot.drive.engine import Load
from truetpot.drive.point import check_lengths, check_requests
from truetpot.drive.server import Server
from truetpot.errors import UserError
from truetpot.serving.readers.rows import Rows
from truetpot.serving.records import Counting, Run, Setting
from truetpot.serving.tools import definitions

LOAD = Load(Server("http://h/v1", "m"), "completions", ["a"] * 4, 30, 1, 1, 60)


def run_of(*rows):
    """Rows of (tokens, ok)."""
    made = Rows()
    for tokens, ok in rows:
        made.add(
            tokens={Counting.SERVER: tokens}, start=0.0, prompt=8, ttft=0.1, latency=1.0,
            gaps=np.full(29, 0.03), ok=ok, error="" if ok else "Internal Server Error",
        )  # fmt: skip
    return Run(
        tool="aiperf", variant="records", place="", definitions=definitions("aiperf"), figures=(),
        totals=made.totals(), setting=Setting(), requests=made.requests(Counting.SERVER),
    )  # fmt: skip


def check(run, whole=True):
    check_requests(run, LOAD, Path("file"), whole)
    check_lengths(run, LOAD)


def test_all_requests_are_as_asked_for():
    check(run_of((30, True), (30, True), (30, True)))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            [(30, True), (30, False), (30, True)],
            "1 of 3 .* failed: the server says Internal Server",
        ),
        ([(30, True), (30, True)], "2 requests at concurrency 1 came back of 3"),
        ([(30, True), (29, True), (30, True)], "1 of 3 outputs .* another length than 30"),
    ],
)
def test_what_ends_a_point(rows, said):
    with pytest.raises(UserError, match=said):
        check(run_of(*rows))


def test_an_engine_may_leave_out_the_edge_of_the_warm_up():
    check(run_of((30, True), (30, True)), whole=False)
