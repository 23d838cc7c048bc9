"""How many marks and rows a page must have, counted in the record's JSON, not by what draws it."""

import json

from tests.records.kept import FILES

KINDS = {file.stem: json.loads(file.read_text())["kind"] for file in FILES}


def rungs(record):
    return sum(rung is not None for rung in record["rungs"].values())


def placed(rows, seconds, operations):
    """Rows that a roofline can place."""
    timed = [row for row in rows if (row.get(seconds) or 0) > 0]
    return sum(bool(row.get(operations) and row["bytes"]) for row in timed)


def of_decode(record):
    roofline = placed(record["operators"], "median_s", "operations") if record["ceiling"] else 0
    return rungs(record) + roofline


def of_sweep(record):
    steps = [p for p in record["points"] if p["record"] and p["record"]["rungs"]["step"]]
    over = {
        fixed: {p[varied] for p in steps if p[other] == fixed}
        for varied, other in (("context", "batch"), ("batch", "context"))
        for fixed in {p[other] for p in steps}
    }
    return sum(len(values) for values in over.values() if len(values) > 1)


def of_kernels(record):
    timed = [row for row in record["results"] if (row["median_s"] or 0) > 0]
    roofline = placed(timed, "median_s", "flops") if record["ceiling"] else 0
    return len(timed) + roofline


def of_floor(record):
    terms = 4 + (record.get("operations_ms") is not None) + bool(record["terms"]["collectives_ms"])
    return terms + len(record["curve"] or [])


def of_trace(record):
    return sum(len(run["roles"]) + 7 * (run["stack"] is not None) for run in record["runs"])


def of_isa(record):
    limits = ("issue_over_memory", "latency_over_memory", "local_over_memory")
    return sum(any(row.get(name) for name in limits) for row in record["kernels"])


def of_validate(record):
    """Figures with a limit above zero that is no physics, and lines of sustained loads."""
    figures = [figure for test in record["tests"] for figure in test["figures"]]
    limits = [
        any(one["limit"] > 0 and one["against"] != "physics" for one in figure["judged"])
        for figure in figures
        if figure["value"] > 0
    ]
    return sum(limits) + sum(bool(test["series"]) for test in record["tests"])


MARKS = {
    "drive": lambda record: sum((point["token_ms"] or 0) > 0 for point in record["points"]),
    "validate": of_validate,
    "decode": of_decode,
    "sweep": of_sweep,
    "kernels": of_kernels,
    "check": lambda record: sum((r["serving"]["reported_ms"] or 0) > 0 for r in record["runs"]),
    "floor": of_floor,
    "published": lambda record: sum(row["ratio"] is not None for row in record["figures"]),
    "tune": lambda record: sum(row["best"] is not None for row in record["results"]),
    "isa": of_isa,
    "trace": of_trace,
}
ROWS = {
    "drive": ("Points", lambda record: len(record["points"])),
    "validate": ("Tests", lambda record: len(record["tests"])),
    "decode": ("The ladder", rungs),
    "sweep": ("Points, ms a token", lambda record: len(record["points"])),
    "kernels": ("Kernels", lambda record: len(record["results"])),
    "check": ("Runs", lambda record: len(record["runs"])),
    "floor": ("Linear layers", lambda record: len(record["linears"])),
    "published": ("Figures", lambda record: len(record["figures"])),
    "tune": ("Searches", lambda record: len(record["results"])),
    "isa": ("Kernels", lambda record: len(record["kernels"])),
    "trace": ("Roles", lambda record: len(record["runs"][0]["roles"])),
}
"""The table that has a row for each row of the record."""


def marks(record):
    """Marks of a page of one record as JSON; 0 for a kind that has no chart."""
    count = MARKS.get(record["kind"])
    return 0 if count is None else count(record)
