"""A record that is written while its run goes on."""

import os
import threading
import time

import msgspec
import pytest

from truetpot.errors import OutputError
from truetpot.measure import keeper
from truetpot.measure.keeper import Keeper


@pytest.fixture
def file(tmp_path):
    return tmp_path / "record.json"


class Record(msgspec.Struct):
    """As much of one as a keeper looks at, and something to be kept."""

    partial: bool = False
    known: int = 0
    cases: list[str] = []


def read(file):
    return msgspec.json.decode(file.read_text(), type=Record)


def test_nothing_is_replaced_before_anything_is_measured(file, monkeypatch):
    monkeypatch.setattr(keeper, "EVERY_S", 0.0)
    file.write_text("older")
    keep = Keeper(str(file), lambda: None)
    keep.tick()
    keep.case_done()
    with pytest.raises(KeyError), keep:
        raise KeyError
    keep.finish(Record(partial=True))
    assert file.read_text() == "older"


def test_the_last_of_a_process_that_is_ended(file):
    Keeper(str(file), lambda: Record(known=1)).lost()
    assert read(file) == Record(known=1)


def test_a_run_that_came_to_its_end_replaces_it(file):
    file.write_text("older")
    Keeper(str(file), lambda: None).finish(Record())
    assert read(file) == Record()


def test_an_interrupted_one_is_written_where_there_is_none(file):
    Keeper(str(file), lambda: None).finish(Record(partial=True))
    assert read(file) == Record(partial=True)


def test_after_each_case_and_during_one(file):
    cases = []
    keep = Keeper(str(file), lambda: Record(cases=cases))
    cases.append("a")
    keep.tick()
    assert not file.exists(), "not yet"
    keep.case_done()
    assert read(file).cases == ["a"]


def test_an_exception_leaves_what_there_is(file):
    with pytest.raises(ZeroDivisionError), Keeper(str(file), lambda: Record(known=1)):
        raise ZeroDivisionError
    assert read(file) == Record(known=1)


@pytest.mark.parametrize("path", [None, "-"])
def test_nowhere_on_the_way(capsys, path):
    keep = Keeper(path, lambda: Record(partial=True))
    keep.case_done()
    with pytest.raises(KeyError), keep:
        raise KeyError
    assert capsys.readouterr().out == ""


def test_a_pipe_gets_the_last_record_only(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    keep = Keeper(str(pipe), lambda: Record(partial=True))
    keep.case_done()  # would wait for a reader
    reader.start()
    keep.finish(Record())
    reader.join()
    assert msgspec.json.decode(got[0], type=Record) == Record()


def test_no_room_on_the_way_is_no_end(tmp_path):
    file = tmp_path / "folder" / "record.json"
    keep = Keeper(str(file), lambda: Record(partial=True))
    keep.case_done()
    with pytest.raises(OutputError):
        keep.finish(Record())


def test_nobody_writes_after_the_last_record(file):
    keep = Keeper(str(file), lambda: Record(partial=True))
    keep.finish(Record())
    keep.case_done()
    keep.lost()
    assert read(file) == Record()


def test_what_it_costs(file, monkeypatch):
    """However often it is asked, and however long a record takes, 1 % of the time at most."""
    monkeypatch.setattr(keeper, "EVERY_S", 0.0)
    spent = []

    def content():
        start = time.monotonic()
        time.sleep(0.01)
        spent.append(time.monotonic() - start)
        return Record(partial=True)

    keep = Keeper(str(file), content)
    start = time.monotonic()
    while time.monotonic() - start < 4:
        keep.tick()
        keep.case_done()
        time.sleep(0.001)
    assert len(spent) >= 2
    # the first is free, as nobody knows then what one costs
    assert sum(spent[1:]) <= keeper.SHARE * (time.monotonic() - start)
