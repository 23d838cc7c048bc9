"""A library as its record: each table with its floor, its best rate and what cannot be true."""

from __future__ import annotations

from dataclasses import asdict

from truetpot import __version__
from truetpot.records.library import (
    BeyondRow,
    LaunchFloorRow,
    LeftOutRow,
    LibraryRecord,
    LibraryTable,
)
from truetpot.records.opening import now
from truetpot.stack.library.cross import CrossValidation
from truetpot.stack.library.limits import LaunchFloor, best_bandwidth, launch_floor
from truetpot.stack.library.physics import beyond
from truetpot.stack.library.read import Library
from truetpot.stack.library.table import Table


def library_record(library: Library, command: str, cross_validate: bool) -> LibraryRecord:
    """The whole library; with ``cross_validate`` every table is held against itself."""
    return LibraryRecord(
        started=now(),
        command=command,
        truetpot=__version__,
        tables=[_table(table, cross_validate) for table in library.tables],
        left_out=library.left_out,
    )


def _table(table: Table, cross_validate: bool) -> LibraryTable:
    origin, best, floor = table.origin, best_bandwidth(table), launch_floor(table)
    errors = CrossValidation(table).all() if cross_validate else []
    return LibraryTable(
        file=origin.file,
        op=table.op,
        format=table.format,
        stands_for=list(table.formats),
        device=origin.device,
        card=None if origin.card is None else origin.card.key,
        stack=origin.stack,
        version=origin.version,
        timing=origin.timing,
        axes=list(table.axes),
        rows=len(table.rows),
        best_gb_s=None if best is None else best / 1e9,
        launch_floor=None if floor is None else _floor(floor),
        beyond=[
            BeyondRow(
                shape=dict(zip(table.axes, row.key, strict=True)),
                bytes=row.bytes,
                gb_s=row.gb_s,
                may_be_cached=row.cached,
            )
            for row in beyond(table)
        ],
        cross_validation=[LeftOutRow(**asdict(one)) for one in errors],
    )


def _floor(floor: LaunchFloor) -> LaunchFloorRow:
    return LaunchFloorRow(
        rows=floor.rows,
        median_us=floor.median_s * 1e6,
        low_us=floor.low_s * 1e6,
        high_us=floor.high_s * 1e6,
        scatter=floor.scatter,
        scatter_p90=floor.scatter_p90,
    )
