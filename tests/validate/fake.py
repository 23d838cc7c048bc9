"""A child that measures nothing: what it does stands in ``FAKE``, JSON by test and device.

Each entry is a list, one for each time that it is called; the last one is repeated. An entry is a
number, which becomes the reading of figure `rate`, or a kind of failure. It runs as a process of
its own, as the real child does.
"""

import ctypes
import json
import os
import sys
import time
from pathlib import Path

import msgspec

from truetpot.validate.measured import Measured, Reading, Setting

FAILURES = (
    "hang", "segfault", "exit", "killed", "memory", "exception", "wrong", "gone", "garbage",
    "absent",
)  # fmt: skip


def fail(kind, path):
    if kind == "hang":
        time.sleep(600)
    elif kind == "segfault":
        ctypes.string_at(0)
    elif kind == "exit":
        os._exit(0)
    elif kind == "killed":
        os.kill(os.getpid(), 9)
    elif kind == "memory":
        sys.stderr.write("truetpot: xpu:0 has no memory left; stop what else uses it.\n")
        sys.exit(2)
    elif kind == "wrong":
        sys.stderr.write("truetpot: the sum is wrong\n")
        sys.exit(1)
    elif kind == "gone":
        sys.stderr.write("truetpot: The card is gone: xpu:1 is not on this machine.\n")
        sys.exit(1)
    elif kind == "absent":
        Path(path).write_bytes(msgspec.json.encode(Measured(not_here="it has none")))
    elif kind == "garbage":
        Path(path).write_text('{"readings": 7}')
    else:
        raise LookupError("planted")


def main():
    setting = msgspec.json.decode(sys.argv[1], type=Setting)
    path = sys.argv[2]
    plan = json.loads(os.environ["FAKE"])
    where = setting.devices[0] if len(setting.devices) == 1 else ""
    calls = Path(os.environ["FAKE_CALLS"]) / f"{setting.test}-{where.replace(':', '-')}"
    count = len(calls.read_text()) if calls.exists() else 0
    calls.write_text("x" * (count + 1))
    if setting.test == "devices":
        if isinstance(plan["devices"], str):
            fail(plan["devices"], path)
            return
        found = {"devices": plan["devices"]}
        Path(path).write_bytes(msgspec.json.encode(Measured(found=found)))
        return
    given = plan.get(f"{setting.test} {where}".strip(), plan.get(setting.test, [100.0]))
    now = given[min(count, len(given) - 1)]
    if now == "meet":  # all cards at once: each waits for the others
        calls.with_suffix(".here").touch()
        until = time.monotonic() + 60
        while len(list(calls.parent.glob("*.here"))) < len(plan["devices"]):
            assert time.monotonic() < until
            time.sleep(0.05)
        now = 100.0
    if isinstance(now, str):
        fail(now, path)
        return
    reading = Reading(name="rate", value=now, unit="GB/s", better="higher")
    Path(path).write_bytes(msgspec.json.encode(Measured(readings=[reading])))


if __name__ == "__main__":
    main()
