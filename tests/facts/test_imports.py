"""`truetpot floor` has to answer in under two seconds, so facts load nothing heavy."""

import subprocess
import sys


def test_no_heavy_import() -> None:
    code = (
        "import sys, truetpot.facts.floor, truetpot.facts.published, truetpot.facts.models as m;"
        "m.load_model('qwq-32b');"
        "print([x for x in ('numpy', 'torch', 'numba') if x in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
