"""What was compiled and counted is kept, and what was kept is read as anybody's file."""

import json
import shlex
import stat
from contextlib import contextmanager

import pytest

from truetpot.facts.models import load_model
from truetpot.isa import kept
from truetpot.records.isa import Listing
from truetpot.runs import isa

LISTING = Listing(assembly="mov (16|M0)\u2028 r1.0\n" * 1000, info="kernels:\n - name: é\n")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where all is kept, of this test alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    kept.folder().mkdir(parents=True)
    return kept.folder()


def test_a_listing_comes_back(folder):
    assert kept.load("one", Listing) is None
    assert not kept.is_kept("one")
    kept.save("one", LISTING)
    assert kept.is_kept("one")
    assert kept.load("one", Listing) == LISTING
    assert (folder / "one").stat().st_size < len(LISTING.assembly) / 10


def test_a_listing_of_before_is_read(folder):
    text = json.dumps({"assembly": LISTING.assembly, "info": LISTING.info})
    (folder / "one").write_text(text)
    assert kept.load("one", Listing) == LISTING


@pytest.mark.parametrize(
    "text", ["", "[]", "3", '{"assembly": 3, "info": ""}', '{"info": ""}', "[" * 100_000, "x\x9c"]
)
def test_what_is_no_listing_is_compiled_again(folder, text):
    (folder / "one").write_text(text, "latin-1")
    assert kept.load("one", Listing) is None


def test_a_torn_listing_is_compiled_again(folder):
    kept.save("one", LISTING)
    whole = (folder / "one").read_bytes()
    (folder / "one").write_bytes(whole[:-5])
    assert kept.load("one", Listing) is None


@pytest.fixture
def sweep(ocloc, folder, tmp_path):
    """``sweep(watch)``: every configuration of argmax for a card; how often it was compiled."""
    calls = tmp_path / "calls"
    script = tmp_path / "ocloc"
    real = shlex.join(ocloc.command)
    script.write_text(f'#!/bin/sh\necho "$*" >> {calls}\nexec {real} "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    asked = isa.Request(
        load_model("qwen2.5-0.5b"), [1, 8], ("fp16",), ("fp16",), "fp16", tp=1, context=128,
        page=None, ops=("argmax",), words=(), targets=("acm-g10",), own=None, config="all",
    )  # fmt: skip

    def run(watch=None):
        calls.write_text("")
        done = isa.run(asked, str(script), watch=watch)
        lines = calls.read_text().splitlines()
        return done, sum(one.startswith("compile") for one in lines)

    return run


@pytest.mark.isa
def test_a_sweep_that_was_ended_goes_on_where_it_was(sweep):
    """And each compilation is made once, whatever number of configurations it serves."""

    class Ends(isa.IsaWatch):
        @contextmanager
        def bar(self, what, unit=""):
            def advance(done, total):
                raise KeyboardInterrupt

            yield advance

    class Heard(isa.IsaWatch):
        def planned(self, ocloc, targets, jobs, compilations, kept):
            self.known = (jobs, compilations, kept)

    ended, first = sweep(Ends())
    assert ended.interrupted
    assert ended.record.partial
    assert 1 <= len(ended.record.kernels) < ended.record.configurations

    watch = Heard()
    whole, second = sweep(watch)
    jobs, compilations, there = watch.known
    assert (jobs, compilations) == (whole.record.configurations, whole.record.compilations)
    assert compilations < jobs == len(whole.record.kernels)
    assert there >= 1
    assert not whole.record.partial
    assert first + second == compilations + 1, "and the empty kernel that a target is tried with"

    again, third = sweep(watch)
    assert third == 0
    assert watch.known == (jobs, compilations, compilations)
    assert again.record.kernels == whole.record.kernels


@pytest.mark.isa
def test_what_other_code_counted_is_counted_anew_from_the_listing(sweep, monkeypatch):
    sweep()
    monkeypatch.setattr(kept, "this_code", lambda: "another")
    done, compiled = sweep()
    assert (compiled, done.record.failed) == (0, [])
    assert done.record.kernels
