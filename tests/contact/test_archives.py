"""What came from a card is a test from then on: put the archive into tests/data/made/contact.

Its records have to be read by their types, and shown, for as long as there are readers; what was
wrong on that card gets a test below, on the record that shows it.
"""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from tests.records.kept import exact
from truetpot.contact.archive import read_archive
from truetpot.contact.redact import Redactor
from truetpot.records.contact import ProbeRecord
from truetpot.records.kernels import KernelsRecord
from truetpot.records.page import RECORDS
from truetpot.records.words import StepOutcome
from truetpot.report.contact import draw_contact

FOLDER = Path(__file__).parents[1] / "data" / "made" / "contact"
ARCHIVES = sorted(FOLDER.glob("*.zip"))


@pytest.fixture(params=ARCHIVES, ids=lambda path: path.stem)
def archive(request):
    return read_archive(request.param)


def test_there_are_some():
    assert ARCHIVES


def test_every_record_is_read_by_its_type(archive):
    names = [name for name in archive.files if name.endswith("/record.json")]
    assert names
    for name in names:
        kind = RECORDS[json.loads(archive.files[name])["kind"]]
        assert archive.record(name.partition("/")[0], kind)


def test_the_manifest_names_what_is_in_it(archive):
    assert {one.name: one.size for one in archive.manifest.files} == {
        name: len(content) for name, content in archive.files.items()
    }


def test_nothing_private_by_its_form_is_left(archive):
    """Names of hosts and users are not known here; forms are."""
    nobody = Redactor((), (), {})
    for content in archive.files.values():
        nobody.text(content.decode())
    assert {*nobody.counts} <= {"path"}


def test_cpu_epyc():
    """A CPU captures no graph, its clock is the host's, and Ctrl-C came in the decode step."""
    found = read_archive(FOLDER / "cpu-epyc.zip")
    steps = {step.name: step for step in found.manifest.steps}
    assert found.record("graph", ProbeRecord).found["captured"] is False
    assert "monotonic" in found.record("events", ProbeRecord).found["source"]
    linear = found.record("linear", KernelsRecord)
    exact(json.loads(found.files["linear/record.json"]), KernelsRecord)
    assert linear.environment.device["kind"] == "cpu"
    assert steps["collectives"].outcome is StepOutcome.NOT_RUN
    assert steps["decode"].outcome is StepOutcome.INTERRUPTED
    assert found.manifest.partial


def test_h200():
    """A step that time ran out for says where it was: it imported numba's vectors."""
    found = read_archive(FOLDER / "h200.zip")
    (ended,) = [step for step in found.manifest.steps if step.traceback]
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(draw_contact(found.manifest))
    said = console.export_text()
    assert ended.name == "provider-triton"
    assert "runtime/simd/__init__.py" in said and "Extension modules" not in said
