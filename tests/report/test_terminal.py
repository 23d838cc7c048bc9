"""Standard output belongs to tables or to a record; what is going on goes to standard error."""

import pytest

from truetpot.errors import UserError
from truetpot.report.terminal import Terminal


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


def test_a_bar_without_a_terminal_is_a_line(capfd):
    with Terminal().bar("making weights", "GB") as advance:
        advance(1, 2)
        advance(2, 2)
    assert capfd.readouterr().err == "making weights\n"


def test_a_picture_of_what_was_shown(tmp_path, capfd):
    picture = tmp_path / "shown.svg"
    terminal = Terminal(quiet=True, picture=picture)
    terminal.show("a table")
    terminal.save_picture("truetpot decode")
    assert "table" in picture.read_text()
    assert "truetpot" in picture.read_text()
    assert capfd.readouterr().out == ""
    with pytest.raises(UserError, match="Cannot write"):
        Terminal(picture=tmp_path / "no" / "where.svg").save_picture("")
    Terminal().save_picture("nothing to save")
