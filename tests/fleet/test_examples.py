"""The files of examples/fleet do what they say, as far as that can be tried without a cluster."""

import re
import shutil
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import msgspec
import pytest
import yaml
from typer.main import get_command

from tests.records.kept import load
from truetpot.cli import app
from truetpot.fleet.read import read_records
from truetpot.records.validate import Health, ValidateRecord
from truetpot.validate.forms.prometheus import as_prometheus

HERE = Path(__file__).parents[2] / "examples/fleet"
SCRIPTS = sorted(HERE.glob("*.sh"))
JOB, ALERTS = HERE / "validate-job.yaml", HERE / "alerts.yaml"
SAMPLE = re.compile(r'^(\w+)(?:\{(.*)\})? ([-+.\deE]+|nan|inf)$', re.MULTILINE)  # fmt: skip


def program(folder, name, text):
    file = folder / name
    file.write_text(f"#!/bin/bash\n{text}\n")
    file.chmod(0o755)
    return file


def run(*command, path=None, **environment):
    place = f"{path}:/usr/bin:/bin" if path else "/usr/bin:/bin"
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False,
        env={"PATH": place, **{name: str(value) for name, value in environment.items()}},
    )  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_bash_takes_it(script):
    done = run("bash", "-n", script)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("code", "drains"), [(0, 0), (1, 1), (2, 0), (70, 0), (124, 0)])
def test_the_prolog_drains_for_a_bad_verdict_alone(tmp_path, code, drains):
    made = program(tmp_path, "truetpot", f"exit {code}")
    given = {"TRUETPOT": made, "TRUETPOT_RECORDS": tmp_path / "r", "SLURMD_NODENAME": "n1"}
    assert run(HERE / "prolog.sh", **given).returncode == drains


def test_the_prolog_leaves_a_record_for_fleet(tmp_path):
    source = "; ".join(
        ["import sys", f"sys.path[:0] = {sys.path!r}", "from truetpot.cli import main"]
    )
    made = program(tmp_path, "truetpot", f'exec {sys.executable} -c "{source}; main()" "$@"')
    given = {"TRUETPOT": made, "TRUETPOT_RECORDS": tmp_path / "r", "SLURMD_NODENAME": "n1"}
    done = run(HERE / "prolog.sh", **given)
    ((file, record),) = read_records([tmp_path / "r"]).records
    assert file.name.startswith("n1-doctor-")
    assert done.returncode == (record.verdict is Health.FAIL)


def test_validate_runs_once_a_node_as_no_rank(tmp_path):
    """By a stand-in for srun, which starts two tasks with the variables that Slurm gives them."""
    step = "SLURM_PROCID=$i SLURM_STEP_NUM_TASKS=2 SLURM_LOCALID=0"
    program(
        tmp_path, "srun",
        f'echo "$@" > {tmp_path}/srun.txt; while [[ $1 == --* ]]; do shift; done\n'
        f'for i in 0 1; do env {step} "$@"; done',
    )  # fmt: skip
    program(tmp_path, "truetpot", f'echo "$SLURM_STEP_NUM_TASKS|$*" >> {tmp_path}/tasks.txt')
    folder = tmp_path / "shared records"
    assert run(HERE / "validate.sh", 2, folder, "medium", path=tmp_path).returncode == 0
    assert "--nodes=2 --ntasks-per-node=1" in (tmp_path / "srun.txt").read_text()
    tasks = (tmp_path / "tasks.txt").read_text().splitlines()
    assert len(tasks) == 2
    assert all(
        re.fullmatch(rf"\|validate --level medium --device all --json {folder}/.+Z\.json", task)
        for task in tasks
    )
    assert run(HERE / "validate.sh", 2, path=tmp_path).returncode == 2


@pytest.mark.parametrize("file", [HERE / "validate.sh", JOB], ids=lambda file: file.name)
def test_options_are_truetpots(file):
    lines = file.read_text().partition("validate --level")[2].splitlines()
    called = [word for line in takewhile(lambda line: "--" in line, lines) for word in line.split()]
    known = {
        word for option in get_command(app).commands["validate"].params for word in option.opts
    }
    options = {word for word in called if word.startswith("--")}
    assert options >= {"--device", "--json"} and options <= known


def test_the_job():
    job = yaml.safe_load(JOB.read_text())
    spec = job["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    assert spec["restartPolicy"] == "Never" and spec["hostNetwork"] is True
    assert job["spec"]["completions"] == job["spec"]["parallelism"]
    volumes = {volume["name"] for volume in spec["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes
    labels = job["spec"]["template"]["metadata"]["labels"]
    (spread,) = spec["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"] == labels and spread["maxSkew"] == 1
    assert container["resources"]["limits"]["cpu"] == container["resources"]["requests"]["cpu"]


def test_alerts_are_of_metrics_that_validate_writes():
    text = as_prometheus(msgspec.convert(load("validate"), ValidateRecord))
    written = {name: labels or "" for name, labels, _ in SAMPLE.findall(text)}
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    for rule in group["rules"]:
        used = set(re.findall(r"truetpot_\w+", rule["expr"]))
        assert used and used <= written.keys(), rule["alert"]
        labels = set(re.findall(r"labels\.(\w+)", str(rule["annotations"]))) - {"instance"}
        assert all(f"{label}=" in written[name] for name in used for label in labels), rule
    verdicts = set(re.findall(r'verdict="([^"]+)"', ALERTS.read_text()))
    assert verdicts <= {verdict.value for verdict in Health}


SERIES = """
rule_files: [{rules}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
{series}
    alert_rule_test:
      - eval_time: 30m
        alertname: TruetpotCardApart
        exp_alerts:
          - exp_labels: {{severity: warning, test: t, device: x, figure: read, card: c, unit: GB/s,
              instance: n3}}
            exp_annotations:
              summary: "t read of x on n3 is 10 % below equal cards"
"""


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed (prometheus)")
def test_prometheus_takes_the_rules_and_finds_the_slow_card(tmp_path):
    labels = 'test="t",device="x",figure="read",card="c",unit="GB/s"'
    series = "\n".join(
        f"      - series: 'truetpot_validate_figure{{{labels},instance=\"n{n}\"}}'\n"
        f"        values: '{300 if n == 3 else 440 + n}x60'"
        for n in range(7)
    )
    test = tmp_path / "test.yaml"
    test.write_text(SERIES.format(rules=ALERTS, series=series))
    for command in (("check", "rules", ALERTS), ("test", "rules", test)):
        done = run(shutil.which("promtool"), *command)
        assert done.returncode == 0, done.stdout + done.stderr
