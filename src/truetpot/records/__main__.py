"""`python -m truetpot.records`: the docs page."""

import sys

from truetpot.records.page import records_page

if __name__ == "__main__":
    sys.stdout.write(records_page())
