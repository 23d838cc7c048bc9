"""Standard output belongs to tables or to a record; what is going on goes to standard error."""

import re

import pytest
from rich.cells import cell_len

from tests.records.kept import KEPT
from tests.report.ptys import terminal_of
from truetpot.errors import UserError
from truetpot.records.reading import read_any
from truetpot.report.screen import LEAST, MOST, WIDTH
from truetpot.report.terminal import Terminal


@pytest.fixture(autouse=True)
def no_columns(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)


def test_tables_and_status(capfd):
    terminal = Terminal()
    terminal.show("a table")
    terminal.say("a warning", "yellow")
    terminal.status("what happens")
    out, err = capfd.readouterr()
    assert out == "a table\na warning\n"
    assert err == "what happens\n"


def test_quiet(capfd):
    terminal = Terminal(quiet=True)
    terminal.show("a table")
    terminal.say("a warning [of length] 110: " + "x" * 110)
    out, err = capfd.readouterr()
    assert out == ""
    assert err == "a warning [of length] 110: " + "x" * 110 + "\n"


def test_mute(capfd):
    terminal = Terminal(mute=True)
    terminal.show("a table")
    terminal.say("a warning")
    terminal.status("what happens")
    with terminal.bar("making weights") as advance:
        advance(1, 1)
    assert capfd.readouterr() == ("", "")


def test_a_bar_without_a_terminal_is_a_line(capfd):
    with Terminal().bar("making weights", "GB") as advance:
        advance(1, 2)
        advance(2, 2)
    assert capfd.readouterr().err == "making weights\n"


@pytest.mark.parametrize(
    ("columns", "width"),
    [
        ("80", 80), ("100", 100), ("120", 120), ("", WIDTH), ("wide", WIDTH), ("0", WIDTH),
        ("-5", WIDTH), ("\u00b2", WIDTH), ("5", LEAST), ("123456789123", MOST),
    ],
)  # fmt: skip
def test_a_pipe_is_as_wide_as_columns_says(capfd, monkeypatch, columns, width):
    monkeypatch.setenv("COLUMNS", columns)
    Terminal().show("x" * 2 * width)
    first, *rest = capfd.readouterr().out.splitlines()
    assert len(first) == width - 2  # the room that further lines have
    assert "".join(rest).replace(" ", "") == "x" * (width + 2)


def test_a_pipe_without_columns(capfd):
    Terminal().show("word " * 50)
    assert all(100 < len(line) <= WIDTH for line in capfd.readouterr().out.splitlines()[:-1])


@pytest.mark.parametrize("term", ["xterm", "dumb"])
@pytest.mark.parametrize("columns", [40, 80, 100])
def test_a_terminal_says_how_wide_it_is(monkeypatch, columns, term):
    with terminal_of(monkeypatch, columns, term) as sent:
        terminal = Terminal()
        terminal.show("word " * 50)
        terminal.say("word " * 50, "yellow")
        terminal.status("word " * 50)
    assert sent.shown.count("word") == 150
    assert columns - 8 < max(map(len, sent.shown.splitlines())) <= columns


def test_a_terminal_that_does_not_know_its_width(monkeypatch):
    with terminal_of(monkeypatch, 0) as sent:
        Terminal().show("word " * 50)
    assert 80 < max(map(len, sent.shown.splitlines())) <= WIDTH


LONG = "12/12 rope_append_attention dtype=bf16 batch=1 heads=64 kv_heads=8 head_dim=128 pages=16"


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
@pytest.mark.parametrize(
    "what",
    ["making weights", LONG, "注" * 80, "\x1b[2J\nNo finding.\udcff"],
    ids=["short", "long", "wide", "hostile"],
)
@pytest.mark.parametrize("unit", ["", "GB"])
def test_a_bar_keeps_bar_amount_and_time(monkeypatch, columns, what, unit):
    with terminal_of(monkeypatch, columns) as sent, Terminal().bar(what, unit) as advance:
        advance(0.5, 17.4)
        advance(17.4, 17.4)
    text = sent.text
    frames = re.sub(r"\x1b\[[\d;]*m", "", text).split("\x1b[2K")[1:-1]
    frames = [frame.strip("\r").split("\n")[0] for frame in frames]
    amount = "17.4 of 17.4 GB" if unit else "100%"
    line = frames[-1]
    assert re.fullmatch(rf".*\S ━+ {re.escape(amount)} 0:00:00", line), line
    assert line.count("━") >= 10
    assert all(cell_len(frame) <= columns for frame in frames)
    shown = line.split(" ━")[0]
    if cell_len(what) > columns:
        assert "…" in shown
        assert shown[0] == what[0] and shown[-1] == what[-1], "told apart by both its ends"
    assert "\x1b[2J" not in text and not any(f.startswith("No finding") for f in text.splitlines())


def test_a_record_is_drawn_where_it_was_asked_for(tmp_path, capfd):
    record = read_any(KEPT / "decode-h200.json")
    html, svg = tmp_path / "page.html", tmp_path / "chart.svg"
    Terminal(quiet=True, html=html, svg=svg).draw(record)
    assert html.read_text().startswith("<!DOCTYPE html>")
    assert svg.read_text().startswith("<svg")
    assert capfd.readouterr() == ("", "")
    with pytest.raises(UserError, match="Cannot write"):
        Terminal(svg=tmp_path / "no" / "where.svg").draw(record)
    muted = tmp_path / "muted.html"
    Terminal(mute=True, html=muted).draw(record)
    assert not muted.exists()
    Terminal().draw(record)


def test_a_record_without_a_time_has_no_chart(tmp_path, capfd):
    svg = tmp_path / "chart.svg"
    Terminal(svg=svg).draw(read_any(KEPT / "providers.json"))
    assert not svg.exists()
    assert capfd.readouterr().out == "nothing was measured that --svg could draw\n"
