"""What is known of a process's memory."""

import subprocess
import sys

import numpy as np

from truetpot.runtime.memory import peak_rss_bytes

PEAK = "from truetpot.runtime.memory import peak_rss_bytes; print(peak_rss_bytes())"


def test_the_peak_is_this_process_s_own_and_not_its_parent_s():
    held = np.ones(512 << 20, np.uint8)
    assert peak_rss_bytes() > held.nbytes
    done = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True)
    assert 1 << 20 < int(done.stdout) < held.nbytes
