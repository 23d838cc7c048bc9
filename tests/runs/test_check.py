"""A serving result read and judged, without a command and without torch."""

import subprocess
import sys

from truetpot.runs import check
from truetpot.serving.chosen import Flags

TABLE = """
============ Serving Benchmark Result ============
Successful requests:                     1
Benchmark duration (s):                  31.00
Total input tokens:                      1024
Total generated tokens:                  2
---------------Time to First Token----------------
Mean TTFT (ms):                          1460.00
-----Time per Output Token (excl. 1st token)------
Mean TPOT (ms):                          30657.00
==================================================
"""
ARC = Flags("qwq-32b", "arc-a770", 4, "fp8_e5m2")


def test_a_printed_table(tmp_path, capfd):
    (tmp_path / "serving.log").write_text(TABLE)
    found = check.run([tmp_path / "serving.log"], ARC, output_tokens=4096)
    (row,) = found.told
    assert found.severe("error") and not found.impossible()
    assert row.yardstick is not None
    record = found.record()
    assert len(record.runs) == 1 and record.runs[0].findings
    assert capfd.readouterr() == ("", "")


def test_a_series_with_files_that_are_none(tmp_path):
    (tmp_path / "one.log").write_text(TABLE)
    (tmp_path / "two.log").write_text(TABLE.replace("30657", "60000"))
    found = check.run([tmp_path], ARC)
    told, left_out = check.judged([tmp_path], ARC, None)
    assert len(found.told) == len(told) == 2
    assert found.left_out == left_out


def test_without_torch():
    code = "import sys; sys.modules['torch'] = None; import truetpot.runs.check"
    subprocess.run([sys.executable, "-c", code], check=True)
