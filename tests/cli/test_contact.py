"""``truetpot contact`` as a user calls it."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from truetpot.contact.archive import read_archive
from truetpot.errors import UserError
from truetpot.records.words import StepOutcome

ARCHIVE = Path(__file__).parents[1] / "data" / "made" / "contact" / "cpu-epyc.zip"


def test_a_replay(cli):
    done = cli("contact", "--replay", ARCHIVE)
    assert done.code == 0
    assert "AMD EPYC" in done.out and "provider-torch_scaled_mm  refused" in done.out
    assert "13 of 16 steps that ran ended well" in done.out


def test_a_replay_as_a_record(cli):
    done = cli("contact", "--replay", ARCHIVE, "--json")
    assert done.record["kind"] == "contact"


def test_a_file_of_it(cli):
    done = cli("contact", "--replay", ARCHIVE, "--show", "linear/out.txt")
    assert done.code == 0
    assert "sym_int4" in done.out


def test_what_is_not_in_it(cli):
    done = cli("contact", "--replay", ARCHIVE, "--show", "../x")
    assert done.code == 2
    assert "choose from manifest.json, events/record.json" in done.sentence


def test_a_hostile_line_is_shown_and_not_obeyed(cli, tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(ARCHIVE) as old, zipfile.ZipFile(path, "w") as new:
        text = json.loads(old.read("manifest.json"))
        text["steps"][0] |= {"said": "\x1b[2J", "traceback": "one\n\x1b]0;two"}
        new.writestr("manifest.json", json.dumps(text))
    done = cli("contact", "--replay", path)
    assert done.code == 0
    assert "\x1b" not in done.out and "\\x1b[2J" in done.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--replay", "nowhere.zip"], "cannot be read"),
        (["--replay", "/dev/zero"], "is a device"),
        (["--replay", str(ARCHIVE), "--out", "x.zip"], "leave out --out"),
        (["--replay", str(ARCHIVE), "--json", str(ARCHIVE)], "overwrite"),
        (["--show", "a"], "--replay"),
        (["--device", "tpu"], "There is no device named 'tpu'"),
        (["--out", "-"], "--out - is no file"),
        (["--out", "/nowhere/a.zip"], "no folder"),
    ],
)
def test_refused(cli, words, said):
    done = cli("contact", *words)
    assert done.code == 2
    assert said in done.sentence


def test_it_is_shown_without_torch():
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('torch', 'numba', 'resource')))\n"
        f"from truetpot.cli import run; sys.exit(run(['contact', '--replay', {str(ARCHIVE)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "AMD EPYC" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_what_is_done_is_kept(tmp_path, number):
    """Interrupted, or killed, in its second step."""
    out = tmp_path / "a.zip"
    command = [sys.executable, "-m", "truetpot", "contact", "--device", "cpu", "--out", str(out)]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        until = time.monotonic() + 240
        while _last(out) != ("providers", StepOutcome.STARTED):
            assert time.monotonic() < until and child.poll() is None
            time.sleep(0.02)
        time.sleep(0.5)
        os.kill(child.pid, number)
        shown, _ = child.communicate(timeout=240)
    finally:
        child.kill()
        child.wait()
    manifest = read_archive(out).manifest
    machine, providers = manifest.steps
    assert manifest.partial
    assert machine.name == "machine" and machine.seconds > 0
    if number == signal.SIGINT:
        assert child.returncode == 130
        assert providers.outcome is StepOutcome.INTERRUPTED
        assert "machine/record.json" in shown
    else:
        assert providers.outcome is StepOutcome.STARTED


def _last(path):
    try:
        steps = read_archive(path).manifest.steps
    except UserError:
        return None
    return (steps[-1].name, steps[-1].outcome) if steps else None
