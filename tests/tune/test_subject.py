"""What is searched, as another process finds it: the case may be of the user's own operator."""

import pickle
import subprocess
import sys
from pathlib import Path

from truetpot.ops.registry import REGISTRY
from truetpot.tune.subject import Subject

FOLDER = Path(__file__).parents[2] / "examples" / "operator"
FIND = """
import pickle, sys
subject = pickle.loads(sys.stdin.buffer.read())
selection, device = subject.find()
print(selection.required.__name__, subject.case.label(), device.name)
"""


def test_a_new_process_has_the_class_of_the_case_from_the_folder():
    REGISTRY.load_folder(FOLDER)
    (kernel,) = REGISTRY.kernels("soft_cap", "torch")
    case = next(iter(kernel.op.grid()))
    subject = Subject("soft_cap", "torch", case, "cpu", FOLDER)
    assert pickle.loads(pickle.dumps(subject)) == subject
    done = subprocess.run(
        [sys.executable, "-c", FIND], input=pickle.dumps(subject), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().strip() == f"TorchSoftCap {case.label()} cpu"
