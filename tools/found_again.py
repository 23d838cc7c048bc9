"""Are the gains of tuned entries found again? From records of several processes:

    for i in 1 2 3 4 5; do
        truetpot kernels ... --config default --config tuned --json run-$i.json
    done
    python tools/found_again.py run-*.json

A line a case whose entry is not the default: the default's time over the entry's, each process
counted once, with Student's 95 % interval and the verdict.
"""

import sys
from collections import defaultdict
from collections.abc import Sequence

from truetpot.records.kernels import KernelsRecord
from truetpot.records.store import read_record
from truetpot.stats import Comparison, across, verdict

LEAST = 0.01


def found(files: Sequence[str]) -> list[str]:
    """The lines, and how many of the gains were found again."""
    gains: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for file in files:
        record = read_record(file, KernelsRecord, "a record of truetpot kernels --json")
        defaults = [row for row in record.results if row.asked == "default"]
        usual = {(row.op, row.provider, row.case): row.config for row in defaults}
        for row in record.results:
            key = row.op, row.provider, row.case
            if row.asked == "tuned" and row.config != usual.get(key) and row.time_over_first:
                gains[key].append(1 / row.time_over_first)
    lines, again = [], 0
    for case, each in gains.items():
        ratio = across(each, 0.95)
        said = verdict(ratio, LEAST)
        again += said is Comparison.FASTER
        shown = f"{ratio.median:.3f} ({ratio.low:.3f} to {ratio.high:.3f})"
        lines.append(f"{' '.join(case)}: {shown} in {len(each)} processes: {said.value}")
    return [*lines, f"{again} of {len(gains)} found again"]


if __name__ == "__main__":
    print("\n".join(found(sys.argv[1:])))
