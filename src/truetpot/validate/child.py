"""One test in this process: ``python -m truetpot.validate.child SETTING FILE``.

SETTING is the JSON of a :class:`~truetpot.validate.measured.Setting`. Exit codes are those of every
command; what was measured until then is in the file.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from truetpot.errors import KernelError, UserError
from truetpot.exits import ExitCode
from truetpot.records.store import write_record
from truetpot.validate.measured import Measured, Setting

PERIOD_S = 1.0
ORPHANED = 129
Tell = Callable[[Measured], None]


class Check(Protocol):
    """What a module in ``checks`` has to define."""

    @staticmethod
    def measure(setting: Setting, tell: Tell) -> Measured:
        """Measure. ``tell`` what is known on the way.

        Raises UserError where it cannot be done here, KernelError for a wrong result that no
        reading can say.
        """


def load(test: str) -> Check:
    """The module of a test; its name is the test's."""
    found: Check = importlib.import_module(f"truetpot.validate.checks.{test.replace('-', '_')}")  # type: ignore[assignment]
    return found


def main(words: Sequence[str]) -> int:
    """The exit code. A traceback goes to standard error."""
    end_with_parent()
    setting = msgspec.json.decode(words[0], type=Setting)
    path = Path(words[1])

    def tell(measured: Measured) -> None:
        write_record(measured, path)

    try:
        if lost := gone(setting):
            sys.stderr.write(f"truetpot: {lost}\n")
            return ExitCode.INVALID
        tell(load(setting.test).measure(setting, tell))
    except UserError as error:
        sys.stderr.write(f"truetpot: {error}\n")
        return ExitCode.MISTAKE
    except KernelError as error:
        sys.stderr.write(f"truetpot: {error}\n")
        return ExitCode.INVALID
    except MemoryError as error:
        sys.stderr.write(f"truetpot: Memory ran out ({error or 'no more is told'}).\n")
        return ExitCode.MISTAKE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BaseException as error:  # noqa: BLE001  # a driver's library may raise anything
        traceback.print_exc()
        if type(error).__name__ == "OutOfMemoryError":
            sys.stderr.write("truetpot: Device memory ran out; stop what else uses the card.\n")
            return ExitCode.MISTAKE
        return ExitCode.CRASH
    return ExitCode.OK


def gone(setting: Setting) -> str:
    """Why a device that was there when the run began cannot be had now; empty where all are."""
    if setting.test == "devices":
        return ""
    from truetpot.runtime.choose import choose_device

    for name in setting.devices:
        try:
            choose_device(name).synchronize()
        except UserError as error:
            return f"The card is gone: {error}"
    return ""


def end_with_parent(period_s: float = PERIOD_S) -> None:
    """End this process where the one that started it is gone, killed before it could end this."""
    parent = os.getppid()

    def run() -> None:
        while os.getppid() == parent:
            time.sleep(period_s)
        os._exit(ORPHANED)

    threading.Thread(target=run, name="end with the parent", daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
