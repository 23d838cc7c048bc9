"""The program: ``truetpot``, and ``python -m truetpot``."""

from __future__ import annotations

import sys
from typing import NoReturn

INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command line and exit with its code; a Ctrl-C while it is imported is one too."""
    try:
        from truetpot.cli import run

        code = run(last=True)
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)


if __name__ == "__main__":
    main()
