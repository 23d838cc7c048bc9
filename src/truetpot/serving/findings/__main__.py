"""`python -m truetpot.serving.findings`: the docs page."""

import sys

from truetpot.serving.findings import findings_page

if __name__ == "__main__":
    sys.stdout.write(findings_page())
