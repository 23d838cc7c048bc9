"""Numbers of a record with their ranges: what is read lies within them, or is refused by name.

The ends are far from anything measured. They keep out what no arithmetic survives: a time of zero
below a ratio, a product beyond the largest float.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

Seconds = Annotated[float, Meta(ge=1e-12, le=1e9)]
Milliseconds = Annotated[float, Meta(ge=1e-9, le=1e12)]
Rate = Annotated[float, Meta(ge=1e-9, le=1e12)]
"""1e9 bytes a second."""
Finite = Annotated[float, Meta(ge=-1e100, le=1e100)]
"""Of either sign: a difference, or a sample of a run that is invalid for it."""
NotNegative = Annotated[float, Meta(ge=0, le=1e100)]
Ratio = Annotated[float, Meta(gt=0, le=1e100)]
Share = Annotated[float, Meta(ge=0, le=1e6)]
"""Of a whole; beyond 1 where a kernel is faster than what it is held against."""

Count = Annotated[int, Meta(ge=0, le=1 << 62)]
AtLeastOne = Annotated[int, Meta(ge=1, le=1 << 62)]
Bytes = Annotated[int, Meta(ge=0, le=1 << 62)]

Config = dict[str, Any]
"""Launch parameters by name."""
Words = dict[str, str]
