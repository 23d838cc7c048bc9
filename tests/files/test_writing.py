"""Files of ours are there whole or not at all, and those of others stay what they are."""

import os
import stat
import subprocess
import sys

import pytest

from truetpot.errors import OutputError, UserError
from truetpot.files import (
    append_line,
    check_output,
    expanded,
    locked,
    same_file,
    user_folder,
    write_whole,
)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "file"


def test_text_and_bytes(file):
    write_whole(file, "µ\ud800", "--out")
    assert file.read_bytes() == "µ\\ud800".encode()
    write_whole(file, b"\0\xff", "--out")
    assert file.read_bytes() == b"\0\xff"
    assert [*file.parent.iterdir()] == [file]


def test_the_permissions(file):
    mask = os.umask(0o027)
    try:
        write_whole(file, "a", "--out")
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
        file.chmod(0o604)
        write_whole(file, "b", "--out")
        assert stat.S_IMODE(file.stat().st_mode) == 0o604
    finally:
        os.umask(mask)


def test_a_link_stays_one(file, tmp_path):
    file.write_text("old")
    link = tmp_path / "link"
    link.symlink_to("file")
    write_whole(link, "new", "--out")
    assert link.is_symlink()
    assert file.read_text() == "new"


def test_where_it_cannot_be_written(tmp_path):
    with pytest.raises(OutputError, match="choose another --out"):
        write_whole(tmp_path / "no" / "file", "a", "--out")
    with pytest.raises(OutputError, match="Cannot write"):
        write_whole(tmp_path / ("n" * 300), "a", "--out")


def test_a_file_that_is_mounted(tmp_path):
    """As a container has one: it cannot be replaced, and is written over."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.touch()
    outside.write_text("old")
    code = f"""
from truetpot.files import check_output, write_whole
check_output({str(inside)!r}, "--out")
write_whole({str(inside)!r}, "new", "--out")
"""
    shell = f'mount --bind {outside} {inside} && exec "$@"'
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", shell, "sh"]
    if subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        pytest.skip("mounting needs root")
    subprocess.run([*words, sys.executable, "-c", code], check=True)
    assert outside.read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inside", "outside"]


def test_lines(file):
    append_line(file, "one", "--out")
    append_line(file, "two", "--out")
    assert file.read_text() == "one\ntwo\n"
    with file.open("a") as torn:
        torn.write("thr")
    append_line(file, "four", "--out")
    assert file.read_text() == "one\ntwo\nthr\nfour\n"


def test_a_line_that_does_not_fit_is_not_there(file):
    file.write_text("one\n")
    code = f"""
import resource
from truetpot.files import append_line
resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
append_line({str(file)!r}, "x" * 200, "--out")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "OutputError" in done.stderr
    assert file.read_text() == "one\n"


def test_a_lock_beside_a_file_that_was_there(file):
    lock = file.with_name(".file.truetpot-lock")
    lock.write_text("somebody's, after all")
    with locked(file, "--out"):
        pass
    assert lock.read_text() == "somebody's, after all"


def test_a_lock_that_cannot_be(tmp_path):
    with pytest.raises(OutputError), locked(tmp_path / "no" / "file", "--out"):
        pass


def test_checking_leaves_nothing(file):
    check_output(file, "--out")
    assert not [*file.parent.iterdir()]
    file.write_text("theirs")
    check_output(file, "--out")
    assert file.read_text() == "theirs"
    with pytest.raises(UserError, match="would overwrite the input"):
        check_output(file, "--out", [None, file])


def test_one_file_by_two_names(file, tmp_path):
    assert same_file(file, tmp_path / "." / "file"), "not there yet"
    file.touch()
    os.link(file, tmp_path / "hard")
    assert same_file(file, tmp_path / "hard")
    assert not same_file(file, tmp_path / "other")


def test_homes(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert user_folder("XDG_DATA_HOME", ".local/share") == tmp_path
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert str(user_folder("XDG_DATA_HOME", ".local/share")) == "/home/me/.local/share"
    assert str(expanded("~nobodyatall/x")) == "~nobodyatall/x"
