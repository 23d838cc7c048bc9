"""Time and memory for each gap. A file of 1e5 requests and 5e7 gaps has to take under 40 s."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.serving.readers.vllm_files import results, setup

REQUESTS, GAPS = 2_000, 500
# Seconds and bytes in a process of its own: what it holds beyond the file's own pages.
MEASURE = """
import hashlib, re, sys, threading, time
from pathlib import Path
from truetpot.serving.readers import read

def anonymous():
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

small, large = map(Path, sys.argv[1:])
read(small)  # Compiles the scan, or loads it.
before, peak, ended = anonymous(), 0, threading.Event()
def watch():
    global peak
    while not ended.wait(0.002):
        peak = max(peak, anonymous())
watcher = threading.Thread(target=watch)
watcher.start()
began = time.perf_counter()
(run,) = read(large)
seconds = time.perf_counter() - began
ended.set()
watcher.join()
print(seconds, peak - before, hashlib.sha256(run.requests.gaps.seconds).hexdigest())
"""


def write(path: Path, requests: int, gaps: int) -> str:
    """A detailed result. Returns the hash of its gaps."""
    drawn = np.random.default_rng(5).normal(0.03, 0.01, (requests, gaps))
    start = {**setup(num_prompts=requests), **results()}
    lists = {
        "input_lens": [1024] * requests,
        "output_lens": [gaps + 1] * requests,
        "ttfts": [0.25] * requests,
        "itls": drawn.tolist(),
        "generated_texts": ["The quick brown fox \u00e9 " * (gaps // 5)] * requests,
        "errors": [""] * requests,
    }
    path.write_text(json.dumps({**start, **lists}))
    return hashlib.sha256(drawn.tobytes()).hexdigest()


@pytest.mark.timing
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="anonymous memory is Linux's")
def test_time_and_memory_of_a_million_gaps(tmp_path: Path) -> None:
    small, large = tmp_path / "small.json", tmp_path / "large.json"
    write(small, 2, 3)
    written = write(large, REQUESTS, GAPS)
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, str(small), str(large)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    seconds, extra, read_back = float(measured[0]), float(measured[1]), measured[2]
    assert read_back == written
    gaps = REQUESTS * GAPS
    # 40 s for 5e7 are 800 ns each; about 100 are usual.
    assert seconds / gaps < 800e-9
    # 8 bytes a gap, 8 numbers a request, and the same slices of a MiB however long the file is.
    assert extra < 8 * gaps + 64 * REQUESTS + (48 << 20)
