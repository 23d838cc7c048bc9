"""Serving runs: what was reported beside the floor and the step that it is held against."""

from __future__ import annotations

from pathlib import PurePath

from truetpot.records.check import CheckedRun, CheckRecord
from truetpot.records.verdicts import Verdict
from truetpot.report.html.charts.canvas import Chart, log_scale, styled
from truetpot.report.html.palette import colour
from truetpot.report.numbers import count_of, digits

TONE = {
    Verdict.IMPOSSIBLE: "bad",
    Verdict.INFLATED: "bad",
    Verdict.NOT_COMPARABLE: "warn",
    Verdict.UNDECIDABLE: "warn",
    Verdict.BELIEVABLE: "good",
}


def judged(record: CheckRecord) -> list[CheckedRun]:
    """The runs whose time per token is known and above zero, in the file's order."""
    return [run for run in record.runs if (run.serving.reported_ms or 0) > 0]


def run_name(record: CheckRecord, run: CheckedRun) -> str:
    """What tells a run from the others of the record."""
    if len(record.runs) == 1:
        return run.tool
    file = PurePath(run.file or record.file).name
    return f"{file} {run.place}".strip()


@styled
def runs_chart(record: CheckRecord) -> Chart | None:
    """A dot a run by its verdict, on a log axis; None where no run has a time per token."""
    runs = judged(record)
    if not runs:
        return None
    chart = Chart(
        f"{count_of(len(runs), 'run')} held against floor and step", 0.42 * len(runs) + 1.4
    )
    axes = chart.axes
    for i, run in enumerate(runs):
        serving, role = run.serving, TONE[run.verdict]
        assert serving.reported_ms is not None
        beside = [("|", serving.floor_ms, "text", 13), ("D", serving.step_ms, "measured", 6)]
        told = [f"{digits(serving.reported_ms)} ms"]
        for marker, ms, tint, size in beside:
            if ms is not None and ms > 0:
                axes.plot([ms, serving.reported_ms], [i, i], color=colour("grid"), linewidth=2)
                axes.plot([ms], [i], marker, color=colour(tint), markersize=size,
                          markeredgewidth=2 if marker == "|" else 1, zorder=3)  # fmt: skip
        if serving.over_floor is not None:
            told.append(f"{digits(serving.over_floor)} x the floor")
        (dot,) = axes.plot(
            [serving.reported_ms], [i], "o", color=colour(role), markersize=8, zorder=4
        )
        chart.mark(dot, f"{run_name(record, run)}: {', '.join(told)}; {run.verdict}: {serving.why}")
        told.append(run.verdict.value)
        end = max(serving.reported_ms, serving.step_ms or 0, serving.floor_ms or 0)
        chart.beside(", ".join(told), end, i, role, 10)
    if any(run.serving.floor_ms for run in runs):
        axes.plot([], [], "|", color=colour("text"), markersize=12, markeredgewidth=2,
                  label="floor")  # fmt: skip
    if any(run.serving.step_ms for run in runs):
        axes.plot([], [], "D", color=colour("measured"), markersize=6, label="measured step")
    for role, words in (("bad", "impossible, inflated"), ("warn", "not decided"),
                        ("good", "believable")):  # fmt: skip
        if any(TONE[run.verdict] == role for run in runs):
            axes.plot([], [], "o", color=colour(role), label=f"reported: {words}")
    log_scale(axes, axes.xaxis)
    left, right = axes.get_xlim()
    axes.set_xlim(left / 1.5, right * 2)
    chart.room(0.4)
    chart.name_rows([run_name(record, run) for run in runs])
    axes.set_xlabel("ms a token, log axis, at each run's own batch and context")
    chart.figure.legend(loc="outside upper left", ncols=4)
    return chart
