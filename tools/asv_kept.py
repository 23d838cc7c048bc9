"""Make a folder of ASV results small enough for a repository: only what was measured is kept.

    python -m tools.asv_kept .asv/results tests/data/made/asv

Values of parameters that no commit has a time of, and benchmarks without one, are left out; so are
the source of the benchmarks and the path of the Python that ran them. Times and samples stay as
they are. `python -m benchmarks publish --results tests/data/made/asv` makes pages of it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Params = list[list[str]]
ENVIRONMENT = "existing"
"""Stands for the environment at hand, which ASV names by the path of its Python."""


def keep(source: Path, target: Path) -> list[Path]:
    """Copy the results of ``source``, an ASV ``results_dir``; the files that were written.

    Those of other commits and machines stay in ``target``. Raises ValueError where ``source`` has
    parameters that it does not have in all its commits.
    """
    benchmarks: dict[str, Any] = json.loads((source / "benchmarks.json").read_text())
    files = [*source.glob("*/*-*.json")]
    stored = {file: json.loads(file.read_text()) for file in files}
    params = _measured(stored.values())
    kept = {
        name: {**about, "code": "", "params": params[name]} if name in params else about
        for name, about in benchmarks.items()
        if name in params or not isinstance(about, dict)
    }
    written = [_write(target / "benchmarks.json", kept)]
    for machine in {file.parent for file in files}:
        about = json.loads((machine / "machine.json").read_text())
        written.append(_write(target / machine.name / "machine.json", about))
    for file, result in stored.items():
        name = f"{result['commit_hash'][:8]}-{ENVIRONMENT}.json"
        written.append(_write(target / file.parent.name / name, _trimmed(result, params)))
    return written


def _measured(stored: Iterable[Any]) -> dict[str, Params]:
    """By benchmark: of each parameter the values that some commit has a time of, in their order."""
    axes: dict[str, Params] = {}
    timed: dict[str, set[tuple[str, ...]]] = {}
    for result in stored:
        for name, row in _rows(result):
            if axes.setdefault(name, row["params"]) != row["params"]:
                raise ValueError(f"{name} has other parameters in {result['commit_hash']}")
            points = zip(itertools.product(*row["params"]), row["result"], strict=True)
            timed.setdefault(name, set()).update(
                point
                for point, value in points
                if value is None or not math.isnan(value)  # None has failed
            )
    return {
        name: [
            [word for word in words if any(point[place] == word for point in points)]
            for place, words in enumerate(axes[name])
        ]
        for name, points in timed.items()
        if points
    }


def _trimmed(result: Mapping[str, Any], params: Mapping[str, Params]) -> dict[str, Any]:
    """One commit's file with these parameters alone."""
    python = Path(result["python"]).name
    rows = {}
    for name, row in _rows(result):
        if name not in params:
            continue
        points = list(itertools.product(*row["params"]))
        wanted = set(itertools.product(*params[name]))
        places = [place for place, point in enumerate(points) if point in wanted]
        rows[name] = [
            params[name] if column == "params" else _chosen(value, places, len(points))
            for column, value in row.items()
        ]
    return {
        **result,
        "env_name": ENVIRONMENT,
        "python": python,
        "params": {**result["params"], "python": python},
        "results": rows,
    }


def _rows(result: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, row in result["results"].items():
        yield name, dict(zip(result["result_columns"], row, strict=False))


def _chosen(value: Any, places: Sequence[int], size: int) -> Any:
    """A column that has a value for each point, at some of them; another one as it is."""
    if isinstance(value, list) and len(value) == size:
        return [value[place] for place in places]
    return value


def _write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=None, separators=(",", ":")) + "\n")
    return path


def main() -> None:
    """Print what was written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    given = parser.parse_args()
    for path in keep(given.source, given.target):
        print(f"{path.stat().st_size:8} {path}")


if __name__ == "__main__":
    main()
