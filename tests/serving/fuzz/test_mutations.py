"""Damaged files: whatever happens to a result file, a reader reads it or says one sentence.

TRUETPOT_FUZZ=100000 takes that many inputs for each reader instead of a few.
"""

import os
import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.serving.fuzz.seeds import kept, modules, samples, seeds
from truetpot.errors import UserError
from truetpot.serving.readers import read

EXAMPLES = int(os.environ.get("TRUETPOT_FUZZ", "60"))
PATIENCE_S = 5.0
TOKENS = [
    *b'NaN Infinity -Infinity null true false {} [] [[]] "" -1 0 -0.0 1e999 1e-999 0.5'.split(),
    *b'9223372036854775808 1_0 nan inf "nan" "inf" "\\ud800" { } [ ] " \\ , : ; %'.split(),
    *(b"\n", b"\r\n", b"  ", b"\x00", b"\xff", b"\xef\xbb\xbf", "\u0661".encode()),
    *(b"9" * 400, b"[" * 300),
]
_WORDS = re.compile(rb"[\w.+-]+")


@st.composite
def damaged(draw: st.DrawFn, files: list[bytes]) -> bytes:
    """A sample with some of it cut out, doubled, replaced, or cut off."""
    content = draw(st.sampled_from(files))
    for _ in range(draw(st.integers(1, 4))):
        start, stop = draw(_pieces(content))
        way = draw(st.sampled_from(["cut", "double", "token", "bytes", "word", "end"]))
        if way == "cut":
            new = b""
        elif way == "double":
            new = 2 * content[start:stop]
        elif way == "token":
            new = draw(st.sampled_from(TOKENS))
        elif way == "bytes":
            new = draw(st.binary(min_size=1, max_size=3))
        elif way == "word":
            new = draw(st.sampled_from([word for file in files for word in _WORDS.findall(file)]))
        else:
            new, stop = b"", len(content)
        content = content[:start] + new + content[stop:]
    return content


@st.composite
def _pieces(draw: st.DrawFn, content: bytes) -> tuple[int, int]:
    """Where: a word or a number as often as just anywhere."""
    words = [word.span() for word in _WORDS.finditer(content)]
    if words and draw(st.booleans()):
        return draw(st.sampled_from(words))
    start = draw(st.integers(0, len(content)))
    return start, min(len(content), start + draw(st.integers(0, 40)))


def read_or_refuse(path: Path) -> None:
    began = time.process_time()
    try:
        runs = read(path)
    except UserError as error:
        sentence = str(error)
        assert "\n" not in sentence and sentence.endswith(".") and len(sentence) < 2000
    else:
        assert runs
        for run in runs:
            if run.requests is not None:
                rows = len(run.requests)
                assert all(len(c) == rows for c in run.requests.output_tokens.values())
                assert len(run.requests.latency_s) == len(run.requests.ok) == rows
                assert len(run.requests.prompt_tokens) == rows
                for name in ("first_tokens", "first_share", "silent", "cached_tokens"):
                    column = getattr(run.requests, name)
                    assert column is None or len(column) == rows
                gaps = run.requests.gaps
                assert gaps is None or len(gaps.offsets) == rows + 1
                assert gaps is None or gaps.offsets[-1] == len(gaps.seconds)
    assert time.process_time() - began < PATIENCE_S


@pytest.mark.parametrize("module", modules())
def test_damaged_files(module: str, tmp_path: Path) -> None:
    path = tmp_path / "damaged"

    @given(content=damaged(seeds(module)))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    def run(content: bytes) -> None:
        path.write_bytes(content)
        read_or_refuse(path)

    run()


@pytest.mark.parametrize(
    "path", [path for module in modules() for path in kept(module)], ids=lambda path: path.name
)
def test_what_once_broke_a_reader(path: Path) -> None:
    read_or_refuse(path)


@pytest.mark.parametrize("module", modules())
def test_every_reader_has_a_sample(module: str) -> None:
    assert seeds(module), f"no SEEDS in tests/serving/readers/*_files.py are {module}'s"


@pytest.mark.parametrize("name", samples())
def test_one_reader_claims_a_sample(name: str) -> None:
    """Which is asked first must not matter."""
    assert len(samples()[name][1]) == 1, samples()[name][1]
