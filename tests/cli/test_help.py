"""What ``--help`` shows whole, what a shell completes, and what a typo is taken for."""

import os
import subprocess
import sys

import pytest
import typer

from truetpot.cli import app
from truetpot.cli.values import names_of
from truetpot.text import meant

COMMANDS = typer.main.get_command(app).commands
NAMED = [
    (command, parameter.name, parameter.opts[0])
    for command, about in COMMANDS.items()
    for parameter in about.params
    if names_of(command, parameter.name) is not None
]


def words(text):
    return " ".join(text.split())


def completions(line, cword):
    """As bash asks for them."""
    asked = {"_TRUETPOT_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(cword)}
    run = [sys.executable, "-m", "truetpot"]
    done = subprocess.run(run, capture_output=True, text=True, check=False, env=os.environ | asked)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_summaries_are_whole(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    done = cli("--help")
    assert done.code == 0
    assert "..." not in done.out.replace("[ARGS]...", "")
    for command in COMMANDS.values():
        summary = words(command.help.split("\n\n")[0])
        assert summary in words(done.out), command.name
    assert max(map(len, done.out.splitlines())) <= 80


def test_every_option_that_takes_names_is_known():
    options = {option for _, _, option in NAMED}
    assert options >= {"--format", "--provider", "--model", "--device", "--op", "--role"}
    for command, about in COMMANDS.items():
        for parameter in about.params:
            if parameter.opts[0] in ("--model", "--device", "--op", "--role", "--provider"):
                known = names_of(command, parameter.name) is not None
                assert known or command == "drive", (command, parameter.opts[0])


@pytest.mark.parametrize("command", sorted({command for command, *_ in NAMED}))
def test_names_are_in_the_help(cli, command):
    done = cli(command, "--help")
    assert done.code == 0
    _, _, names = done.out.partition("\nNames:\n")
    for name, parameter, option in NAMED:
        if name == command:
            assert f"{option} " in names
            for value in names_of(command, parameter)():
                assert value in words(names).replace(",", "").split(), (option, value)


def test_help_does_not_wait_for_torch():
    program = (
        "import sys\nfrom truetpot.cli import run\n"
        "for command in ('kernels', 'decode', 'isa'):\n    assert run([command, '--help']) == 0\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize(
    ("line", "cword", "found"),
    [
        ("truetpot dec", 1, ["decode"]),
        ("truetpot floor --mod", 2, ["--model"]),
        ("truetpot floor --model qwq", 3, ["qwq-32b"]),
        ("truetpot check --device arc-pro-b6", 3, ["arc-pro-b60"]),
        ("truetpot decode --device op", 3, ["opencl:gpu", "opencl:cpu"]),
        ("truetpot kernels --op linear,dec", 3, ["linear,decode_attention"]),
        ("truetpot kernels --role qk", 3, ["qkv"]),
        ("truetpot decode --provider numba,tri", 3, ["numba,triton"]),
        ("truetpot tune --format sym_int8,woq", 3, ["sym_int8,woq_int4"]),
    ],
)
def test_a_shell_completes(line, cword, found):
    assert completions(line, cword) == found


def test_completion_installs(tmp_path):
    bash = ["bash", "-c", f"'{sys.executable}' -m truetpot --install-completion; exit $?"]
    home = os.environ | {"HOME": str(tmp_path)}
    done = subprocess.run(bash, capture_output=True, text=True, check=False, env=home)
    assert done.returncode == 0, done.stderr
    (script,) = tmp_path.glob(".bash_completions/truetpot.sh")
    assert str(script) in (tmp_path / ".bashrc").read_text()
    show = ["bash", "-c", f"source '{script}'; complete -p truetpot"]
    done = subprocess.run(show, capture_output=True, text=True, check=True)
    assert "-F _truetpot_completion truetpot" in done.stdout


TYPOS = [
    ("floor --model qwq32b", "qwq-32b"),
    ("floor --format int44", "int4"),
    ("floor --device a77", "arc-a770"),
    ("floor --kv-format fp8_e5m3", "fp8_e5m2 or fp8_e4m3"),
    ("check pyproject.toml --model qwq32b --device a770", "qwq-32b"),
    ("decode --format int4", "woq_int4, sym_int4 or asym_int4"),
    ("decode --device xpuu", "xpu"),
    ("decode --provider numbra --device cpu", "numba"),
    ("decode --dtype fp15 --device cpu", "fp16"),
    ("kernels --op linaer --device cpu", "linear"),
    ("kernels --role qvk --device cpu", "qkv"),
    ("tune --strategy modl", "model"),
]


@pytest.mark.parametrize(("line", "name"), TYPOS)
def test_a_typo_is_told_what_is_near(cli, line, name):
    done = cli(*line.split())
    assert done.code == 2
    assert f"(did you mean {name}" in done.sentence


def test_a_card_is_no_device(cli):
    done = cli("decode", "--device", "a770")
    assert done.code == 2
    assert "an Arc card is xpu" in done.sentence


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("qwq32b", "qwq-32b"),
        ("QWQ_32B", "qwq-32b"),
        ("nothing alike", None),
        ("", None),
        ("32", None),
        ("x" * 1_000_000, None),
        ("\x1b[31m", None),
    ],
)
def test_near_names(asked, near):
    said = meant(asked, ["qwq-32b", "qwen3-32b", "phi-4"])
    assert said == ("" if near is None else f" (did you mean {near}?)")


def test_a_near_name_of_others_is_escaped():
    assert meant("mine", ["mine\x1b[31m"]) == r" (did you mean mine\x1b[31m?)"
