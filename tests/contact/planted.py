"""A ``sitecustomize`` for the children: in the step that ``PLANTED`` names, an import goes wrong.

``PLANTED`` is JSON, a kind of failure by step. The step is known by its temporary folder.
"""

import ctypes
import json
import os
import sys
import time
from pathlib import Path

MODULES = {
    "truetpot.runtime.choose", "truetpot.doctor.machine", "truetpot.runs.isa",
    "truetpot.runs.collectives",
}  # fmt: skip
"""What the commands import while they run; the probes before they do."""


def fail(kind):
    if kind == "hang":
        time.sleep(600)
    elif kind == "segfault":
        ctypes.string_at(0)
    elif kind == "exit":
        os._exit(3)
    elif kind == "memory":
        raise MemoryError("planted")
    elif kind == "exception":
        raise LookupError("planted")


class Finder:
    def find_spec(self, name, path=None, target=None):
        kind = json.loads(os.environ["PLANTED"]).get(Path(os.environ["TMPDIR"]).parent.name)
        if name in MODULES and kind is not None:
            fail(kind)


if "PLANTED" in os.environ and "TMPDIR" in os.environ:
    sys.meta_path.insert(0, Finder())
