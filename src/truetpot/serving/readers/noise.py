"""Lines of a file that no JSON can have: what a shell, a log or a driver wrote between the values.

``llama-bench -o jsonl 2>&1`` writes the device lines of stderr among the results, a pasted session
has its prompt, a saved stream has ``data:`` before each message.
"""

from __future__ import annotations

import re

_STRING = rb'"(?:[^"\\\n]|\\.)*+"'
_NUMBER = rb"-?\d++(?:\.\d++)?+(?:[eE][+-]?\d++)?+(?![\w.+-])"
_WORD = rb"(?:true|false|null|NaN|-?Infinity)(?!\w)"
_TOKENS = rb"(?:[ \t\r{}\[\],:]|%b|%b|%b)*+" % (_STRING, _NUMBER, _WORD)
# The last line of a file that was cut off ends inside a token: it is no noise, the error says so.
_CUT = rb'(?:"(?:[^"\\\n]|\\.)*+\\?|[\d.eE+-]++|tr?u?|fa?l?s?|nu?l?|Na?|-?In?f?i?n?i?t?)\Z'
_BEGINS = rb'[}\],"]|\{[ \t\r]*+(?:["}]|$)|%b,?$' % _NUMBER
_LINE = rb"(?:data:[ \t]*+(?=\{)|[ \t\r]*+(?!$)(?!%b)(?!%b(?:$|%b)).++)" % (_BEGINS, _TOKENS, _CUT)
_NOISE = re.compile(_LINE, re.MULTILINE)
# A pattern that begins with a literal byte is searched for at the speed of memory.
_NEXT = re.compile(rb"\n" + _LINE, re.MULTILINE)


def is_noise(line: bytes) -> bool:
    """Whether one line, without its end, is none of JSON. It may be cut off."""
    return _NOISE.match(line) is not None


def blanked(content: bytes) -> bytes | None:
    """The content with such lines as blanks, so that every byte keeps its place; None without any.

    A line that begins like JSON is kept whatever follows: what is broken there is for the reader.
    """
    first = _NOISE.match(content)
    found = [first.span()] if first else []
    found += [(match.start() + 1, match.end()) for match in _NEXT.finditer(content)]
    if not found:
        return None
    clean = bytearray(content)
    for start, stop in found:
        clean[start:stop] = b" " * (stop - start)
    return bytes(clean)
