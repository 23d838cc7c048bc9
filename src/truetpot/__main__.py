"""The program: ``truetpot``, and ``python -m truetpot``."""

from __future__ import annotations

import sys
from typing import NoReturn

INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command line and exit with its code; a Ctrl-C while it is imported is one too."""
    try:
        from truetpot import cli

        cli.main()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
