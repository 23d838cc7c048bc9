"""A run of a file with all that was said of it: what tables and pairs are made of."""

from __future__ import annotations

from dataclasses import dataclass

from truetpot.serving.check import Checked
from truetpot.serving.evidence import Evidence
from truetpot.serving.series import Point
from truetpot.serving.thresholds import limit
from truetpot.serving.verdict import Serving
from truetpot.serving.yardstick import Yardstick


@dataclass(frozen=True, eq=False)
class RunOfFile:
    """A run, what it was judged, and where it lies."""

    file: str
    checked: Checked
    serving: Serving
    yardstick_from: tuple[str, ...] = ()
    """Sentences on what its yardstick was made of, or what it lacks."""
    yardstick: Yardstick | None = None
    """Of a step: also where the run itself could not be held against it."""
    drafting: bool = False
    """Whether its user says that it speculates."""

    @property
    def evidence(self) -> Evidence:
        """The evidence on its run."""
        return self.checked.evidence

    @property
    def place(self) -> str:
        """Where in the file the run stands; empty for the only one."""
        return self.checked.run.place

    @property
    def named(self) -> str:
        """The file's name and the run's place in it."""
        return f"{self.file} {self.place}".strip()

    @property
    def token_s(self) -> float:
        """Time per token; 0 where it has none."""
        return self.serving.reported_s or 0.0

    @property
    def context(self) -> float:
        """Mean tokens in the cache."""
        return self.evidence.context.value

    @property
    def batch(self) -> float | None:
        """Sequences decoded at once; None where nothing in the file tells."""
        found = self.evidence.batch
        return None if found.assumed else found.value

    @property
    def card(self) -> str:
        """As the file calls it, else that of the yardstick; "" for none."""
        known = self.yardstick.devices if self.yardstick else ""
        return self.checked.run.setting.device or known

    def step_floor_s(self) -> float | None:
        """Of a step, whatever tokens it gives: the weights once and the cache once."""
        if self.yardstick is None:
            return None
        return self.yardstick.floor_s(self.context, self.batch or 1.0)


def speculates(run: RunOfFile) -> bool:
    """Whether its user or its file says so: several tokens a step, or drafts that were made."""
    several = run.evidence.tokens_a_step > limit("speculation")
    return run.drafting or several or run.checked.run.drafts is not None


def point(run: RunOfFile) -> Point | None:
    """The run as one of a series; None where its batch or context is not known, or where nothing
    says which model it is of. Speculation makes a series of its own."""
    setting, serving = run.checked.run.setting, run.serving
    if serving.reported_s is None or run.evidence.prompt is None or run.batch is None:
        return None
    if not setting.model:
        return None
    arm = "with speculation" if speculates(run) else ""
    series = (run.checked.run.tool, setting.model, setting.weight_format or "", run.card, arm)
    return Point(series, run.context, run.batch, run.token_s, serving.floor_s, run.file)
