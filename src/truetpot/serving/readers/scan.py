# mypy: disallow-untyped-decorators=False
"""Find where JSON values begin and end, without decoding them: compiled loops over the bytes.

A scan knows strings, escapes and brackets, not the whole grammar: what lies between the ends is
checked when it is decoded. Every function returns a status and the byte at which it stopped, so
that the caller can say the place.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from truetpot.jit import njit
from truetpot.serving.records import Ints

Bytes = NDArray[np.uint8]

OK, TRUNCATED, UNEXPECTED, TOO_MANY = 0, 1, 2, 3
MAX_DEPTH = 256

_QUOTE, _BACKSLASH, _COMMA, _COLON = ord('"'), ord("\\"), ord(","), ord(":")
_OBJECT_END = ord("}")
_CLOSING = 2  # "]" is "[" + 2, "}" is "{" + 2

_PLAIN, _STRING, _OPEN, _CLOSE, _SPACE, _SEPARATOR = 0, 1, 2, 3, 4, 5
_KIND = np.zeros(256, np.uint8)
for _kind, _bytes in ((_STRING, '"'), (_OPEN, "[{"), (_CLOSE, "]}"), (_SPACE, " \t\r\n")):
    _KIND[[ord(c) for c in _bytes]] = _kind
_KIND[[_COMMA, _COLON]] = _SEPARATOR
# What a scan of brackets may run over without a thought.
_INSIDE = ~np.isin(_KIND, (_STRING, _OPEN, _CLOSE))


@njit(cache=True)
def skip_space(data: Bytes, at: int, stop: int) -> int:
    """The first byte from `at` on that is no white space, or `stop`."""
    while at < stop and _KIND[data[at]] == _SPACE:
        at += 1
    return at


@njit(cache=True)
def _skip_string(data: Bytes, at: int, stop: int) -> tuple[int, int]:
    at += 1
    while at < stop:
        byte = data[at]
        if byte == _QUOTE:
            return OK, at + 1
        at += 2 if byte == _BACKSLASH else 1
    return TRUNCATED, stop


@njit(cache=True)
def _skip_brackets(data: Bytes, at: int, stop: int) -> tuple[int, int]:
    opened = np.empty(MAX_DEPTH, np.uint8)
    depth = 0
    while True:
        while at < stop and _INSIDE[data[at]]:
            at += 1
        if at >= stop:
            return TRUNCATED, stop
        byte = data[at]
        if byte == _QUOTE:
            status, at = _skip_string(data, at, stop)
            if status != OK:
                return status, at
            continue
        if _KIND[byte] == _OPEN:
            if depth == MAX_DEPTH:
                return TOO_MANY, at
            opened[depth] = byte
            depth += 1
        else:
            depth -= 1
            if byte != opened[depth] + _CLOSING:
                return UNEXPECTED, at
            if depth == 0:
                return OK, at + 1
        at += 1


@njit(cache=True)
def skip_value(data: Bytes, at: int, stop: int) -> tuple[int, int]:
    """``(status, end)`` of the value that begins at `at`."""
    if at >= stop:
        return TRUNCATED, stop
    kind = _KIND[data[at]]
    if kind == _STRING:
        return _skip_string(data, at, stop)
    if kind == _OPEN:
        return _skip_brackets(data, at, stop)
    begin = at
    while at < stop and _KIND[data[at]] == _PLAIN:
        at += 1
    return (OK if at > begin else UNEXPECTED), at


@njit(cache=True)
def members(data: Bytes, at: int, stop: int, limit: int) -> tuple[int, int, Ints]:
    """``(status, end, spans)`` of the object that begins at `at`: TOO_MANY beyond `limit` members.

    `spans` is int64 [members, 4]: the key with its quotes, from and to, then the value. After an
    error its last row may be half a member, with 0 for what was not reached.
    """
    spans = np.zeros((16, 4), np.int64)
    n = 0
    at = skip_space(data, at + 1, stop)
    if at < stop and data[at] == _OBJECT_END:
        return OK, at + 1, spans[:0]
    while n < limit:
        if n == len(spans):
            spans = np.concatenate((spans, np.zeros_like(spans)))
        if at >= stop:
            return TRUNCATED, stop, spans[:n]
        if data[at] != _QUOTE:
            return UNEXPECTED, at, spans[:n]
        status, end = _skip_string(data, at, stop)
        if status != OK:
            return status, end, spans[:n]
        spans[n, 0], spans[n, 1] = at, end
        at = skip_space(data, end, stop)
        if at < stop and data[at] != _COLON:
            return UNEXPECTED, at, spans[: n + 1]
        at = skip_space(data, at + 1, stop)
        if at >= stop:
            return TRUNCATED, stop, spans[: n + 1]
        spans[n, 2] = at
        status, at = skip_value(data, at, stop)
        if status != OK:
            return status, at, spans[: n + 1]
        spans[n, 3] = at
        n += 1
        at = skip_space(data, at, stop)
        if at >= stop:
            return TRUNCATED, stop, spans[:n]
        if data[at] == _OBJECT_END:
            return OK, at + 1, spans[:n]
        if data[at] != _COMMA:
            return UNEXPECTED, at, spans[:n]
        at = skip_space(data, at + 1, stop)
    return TOO_MANY, at, spans[:n]


@njit(cache=True)
def elements(data: Bytes, at: int, stop: int, spans: Ints, many_bytes: int) -> tuple[int, int, int]:
    """``(status, at, n)``: the next `n` elements of a list, their ends in `spans` int64 [most, 2].

    `at` is inside the brackets, before an element, and `stop` is the closing bracket. Stops with
    `spans` full or before `many_bytes` are passed, but takes one element in any case. Go on at the
    `at` returned, which is `stop` at the end.
    """
    first = at = skip_space(data, at, stop)
    n = 0
    if at == stop:
        return OK, stop, 0
    while n < len(spans):
        status, end = skip_value(data, at, stop)
        if status != OK:
            # The brackets around are whole, so this is no end of a file.
            return UNEXPECTED, min(end, stop - 1), n
        if n > 0 and end - first > many_bytes:
            break
        spans[n, 0], spans[n, 1] = at, end
        n += 1
        at = skip_space(data, end, stop)
        if at == stop:
            return OK, stop, n
        if data[at] != _COMMA:
            return UNEXPECTED, at, n
        at = skip_space(data, at + 1, stop)
        if at == stop:
            return UNEXPECTED, at, n
    return OK, at, n


@njit(cache=True)
def count(data: Bytes, at: int, stop: int, byte: int) -> int:
    """How often a byte occurs in ``data[at:stop]``."""
    n = 0
    for i in range(at, stop):
        n += data[i] == byte
    return n
