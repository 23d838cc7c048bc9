"""Whatever is given as a trace is read, or refused in one sentence with exit code 2, and soon."""

import gzip
import json
import os
import sqlite3
import subprocess
import sys
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile import SPECIAL, TEXTS, read_or_refused, refused, special_files
from tests.stack import made
from tests.stack.conftest import TRACES
from tests.stack.test_formats import database
from truetpot.errors import UserError
from truetpot.stack.analyse import Given, analyse
from truetpot.stack.trace import read_trace
from truetpot.stack.trace.streamed import CHUNK

EXAMPLES = int(os.environ.get("TRUETPOT_FUZZ", "300"))
SEEDS = {
    "xpu": json.dumps(made.xpu(3).file()).encode(),
    "marks": json.dumps(made.xpu(3, mark="execute_context_0(0)_generation_8(20)").file()).encode(),
    "unitrace chrome": json.dumps(made.unitrace_chrome(2)).encode(),
    "unitrace csv": made.unitrace_csv().encode(),
    "unitrace metrics": made.unitrace_metrics().encode(),
    "unitrace text": next(TRACES.parents[1].glob("pti-gpu/*bytes*")).read_bytes(),
    "rocprof": made.rocprof(2).encode(),
    "nsys sum": made.nsys_sum().encode(),
    "nsys trace": made.nsys_trace(2).encode(),
    "onednn": made.onednn().encode(),
    "llama": made.llama().encode(),
    "compressed": (TRACES / "qwq32b-4layers-compiled.pt.trace.json.gz").read_bytes(),
}
TOKENS = (
    *b'NaN Infinity null true {} [] "" -1 0 1e999 0.5 9223372036854775808 "\\ud800"'.split(),
    *b"{ } [ ] , :".split(),
    b"\x00", b"\xff", b"\n", b"9" * 400, b"[" * 300, b'"X"', b'"kernel"', b"-48823000000",
)  # fmt: skip


def everything(path):
    """Read, analysed, and written as a record."""
    from truetpot.records.store import as_text
    from truetpot.records.trace import TraceRecord
    from truetpot.report.terminal import Terminal
    from truetpot.report.trace import draw_trace

    runs = analyse(read_trace(path), path, Given())
    record = TraceRecord(command="", yardstick="", runs=runs)
    as_text(record)
    Terminal(quiet=True).show(*draw_trace(record))


@pytest.mark.parametrize("kind", SPECIAL)
def test_what_is_no_regular_file(tmp_path, kind):
    if kind == "sparse":  # three GiB of zeros are looked at and left
        file = tmp_path / "sparse"
        with file.open("wb") as made_file:
            made_file.truncate(3 << 30)
    else:
        file = special_files(tmp_path)[kind]
    refused(lambda: everything(file))


@pytest.mark.parametrize("text", TEXTS)
def test_texts_that_are_no_trace(tmp_path, text):
    file = tmp_path / "a"
    file.write_bytes(TEXTS[text])
    read_or_refused(lambda: everything(file))


@pytest.mark.parametrize("name", SEEDS)
def test_a_file_that_was_cut_off(tmp_path, name):
    content = SEEDS[name]
    for part in (0.1, 0.5, 0.9, 0.999):
        file = tmp_path / "a"
        file.write_bytes(content[: int(len(content) * part)])
        if name in ("xpu", "marks", "unitrace chrome", "compressed"):
            assert "cut off" in refused(lambda file=file: everything(file))
        else:
            read_or_refused(lambda file=file: everything(file))


def test_a_database_that_was_cut_off_or_is_another(tmp_path):
    whole = database(tmp_path / "a.sqlite").read_bytes()
    for size in (100, 5000, len(whole) // 2):
        file = tmp_path / "b.sqlite"
        file.write_bytes(whole[:size])
        read_or_refused(lambda file=file: everything(file))
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as base:
        base.execute("CREATE TABLE cats (name TEXT)")
    assert "a database of something else" in refused(lambda: everything(other))


def test_a_bomb_is_read_as_a_stream(tmp_path):
    """40 MB of blanks in 40 kB: nothing of it is kept."""
    file = tmp_path / "a.json.gz"
    with gzip.open(file, "wb") as packed:
        packed.write(b'{"traceEvents": [')
        for _ in range(40):
            packed.write(b" " * (1 << 20))
    tracemalloc.start()
    with pytest.raises(UserError, match="cut off"):
        read_trace(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_damaged_files(tmp_path, data):
    content = SEEDS[data.draw(st.sampled_from(sorted(SEEDS)))]
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        stop = min(len(content), start + data.draw(st.integers(0, 60)))
        way = data.draw(st.sampled_from(["cut", "double", "token", "bytes", "end"]))
        if way == "cut":
            new = b""
        elif way == "double":
            new = 2 * content[start:stop]
        elif way == "token":
            new = data.draw(st.sampled_from(TOKENS))
        elif way == "bytes":
            new = data.draw(st.binary(min_size=1, max_size=3))
        else:
            new, stop = b"", len(content)
        content = content[:start] + new + content[stop:]
    file = tmp_path / "damaged"
    file.write_bytes(content)
    try:
        everything(file)
    except UserError as error:
        sentence = str(error)
        assert "\n" not in sentence and sentence.endswith(".") and len(sentence) < 2000


def test_values_of_any_type_in_an_event(tmp_path):
    """Each field of each event in turn is something else."""
    for value in (None, "x", -1, 1e999, 10**30, [], {}, True, "\ud800", [[[]]], {"a": 1}):
        events = made.xpu(3).events
        for i, event in enumerate(events[:40]):
            field = ("ph", "cat", "name", "pid", "tid", "ts", "dur", "args")[i % 8]
            event[field] = dict(value) if isinstance(value, dict) else value
            if isinstance(event["args"], dict):
                event["args"] |= {"device": value, "correlation": value, "sycl queue": value}
        file = tmp_path / "a.json"
        file.write_text(json.dumps({"deviceProperties": value, "distributedInfo": value,
                                    "traceEvents": events}))  # fmt: skip
        read_or_refused(lambda file=file: everything(file))


def test_memory_is_of_the_kernels_and_not_of_the_file(tmp_path):
    """32 MB of host events around a few kernels."""
    trace = made.xpu(4)
    host = {"ph": "X", "cat": "python_function", "name": "f" * 2000, "ts": 1, "dur": 1, "args": {}}
    line = json.dumps(host) + ","
    with (file := tmp_path / "a.json").open("w") as out:
        out.write('{"traceEvents": [')
        for _ in range(16 * CHUNK * 2 // len(line)):
            out.write(line)
        out.write(json.dumps(trace.events)[1:] + "}")
    assert file.stat().st_size > 30 << 20
    tracemalloc.start()
    found = read_trace(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.kernels) == 4 * len(made.STEP)
    assert peak < 12 << 20


def test_no_torch_no_numba_nothing_of_posix(tmp_path):
    """As on Windows, where torch cannot be installed."""
    file = tmp_path / "a.json"
    file.write_text(json.dumps(made.xpu(3).file()))
    code = f"""
import sys
for name in ("torch", "numba", "resource", "fcntl", "pwd", "termios"):
    sys.modules[name] = None
from pathlib import Path
from truetpot.stack.command import traced
from truetpot.stack.analyse import Given
from truetpot.stack.yardstick import from_facts
given = Given(from_facts("qwq-32b", "arc-pro-b60", 1, "sym_int4", "fp16", 1024, 1))
print(len(traced([Path({str(file)!r})], given, "").runs))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "1", done.stderr
