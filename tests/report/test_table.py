"""The one table: what fits stands in columns, and the rest is below it, never cut."""

import io
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from truetpot.report.screen import LEAST, Screen
from truetpot.report.table import Column, Table, name, number, prose
from truetpot.report.words import words


def drawn(width, *tables):
    screen = Screen(width, file=io.StringIO())
    for table in tables:
        screen.print(table)
    return screen.file.getvalue().splitlines()


def kernels(head=True):
    return Table(name("provider"), number("time us"), name("status"), prose("why"), head=head)


REASON = "the result is not what the reference says it is"


def test_in_columns():
    assert drawn(80, kernels().row("numba", "3.5", "ok").row("torch", "12", "wrong", REASON)) == [
        "provider  time us  status  why",
        "numba         3.5  ok",
        f"torch          12  wrong   {REASON}",
    ]


def test_prose_in_the_last_column_is_folded_there():
    assert drawn(60, kernels().row("numba", "3.5", "ok").row("torch", "12", "wrong", REASON)) == [
        "provider  time us  status  why",
        "numba         3.5  ok",
        "torch          12  wrong   the result is not what the",
        "                           reference says it is",
    ]


def test_prose_without_a_column_stands_below_its_row():
    lines = drawn(40, kernels().row("numba", "3.5", "ok").row("torch", "12", "wrong", REASON))
    assert [line.rstrip() for line in lines] == [
        "provider  time us  status",
        "numba         3.5  ok",
        "torch          12  wrong",
        "  why: the result is not what the",
        "    reference says it is",
    ]


def test_prose_between_columns_is_whole_or_below():
    def table(*, shorter):
        made = Table(name("term"), prose("how"), number("bytes")).row("KV", "a " * 20 + "z", "12")
        for _ in range(shorter):
            made.row("qkv", "64 x 7168 x 5120")
        return made

    assert drawn(80, table(shorter=1))[1] == f"KV    {'a ' * 20}z     12"
    below = [f"  how: {'a ' * 15}a", "    a a a a z"]
    assert [line.rstrip() for line in drawn(40, table(shorter=4))[:5]] == [
        "term  how                          bytes",
        "KV                                    12",
        *below,
        "qkv   64 x 7168 x 5120",
    ]
    # where half of them are too long for it, the column is not worth its room
    assert [line.rstrip() for line in drawn(40, table(shorter=1))] == [
        "term  bytes",
        "KV       12",
        *below,
        "qkv",
        "  how: 64 x 7168 x 5120",
    ]


def test_names_and_numbers_without_room_follow_their_columns_names():
    lines = drawn(24, kernels().row("a_long_provider", "3.5", "ok").row("torch", "12", "no", "x"))
    assert [line.rstrip() for line in lines] == [
        "provider:",
        "  a_long_provider",
        "  time us: 3.5",
        "  status: ok",
        "provider: torch",
        "  time us: 12",
        "  status: no",
        "  why: x",
    ]
    lines = drawn(40, kernels().row("a_provider_with_long_long_name", "3.5", "ok", "x"))
    assert [line.rstrip() for line in lines] == [
        "provider: a_provider_with_long_long_name",
        "  time us: 3.5  status: ok",
        "  why: x",
    ]


def test_a_head_of_several_words_gives_way():
    table = Table(name("a"), number("share of ceiling"), number("share of kernels"))
    assert drawn(25, table.row("torch", "87.6 %", "100.0 %")) == [
        "a        share    share",
        "            of       of",
        "       ceiling  kernels",
        "torch   87.6 %  100.0 %",
    ]


def test_tables_below_one_head_line_up_with_it():
    columns = (name("provider", least=10), number("us", least=8), name("status"))
    head = Table(*columns)
    first, second = (Table(*columns, head=False).row(who, "1", "ok") for who in ("a", "b" * 10))
    assert drawn(60, head, first, second) == [
        "provider          us  status",
        "a                  1  ok",
        "bbbbbbbbbb         1  ok",
    ]
    wider = Table(*columns, head=False).row("c" * 20, "1", "ok")
    assert drawn(60, head, wider)[1:] == [
        "provider                    us  status",
        f"{'c' * 20}         1  ok",
    ]


def test_a_line_across():
    table = Table(name("who"), name("what")).line(("one and all", "bold")).row("  a", "b")
    assert drawn(40, table) == ["who  what", "one and all", "  a  b"]


def test_styles_stay_with_their_words():
    screen = Screen(40, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    screen.print(Table(name("a"), name("b")).row("x", words(("wrong", "bold red"))))
    assert "\x1b[1;31mwrong\x1b[0m" in screen.file.getvalue()


text = st.text(st.characters(codec="utf-8"), max_size=60)
column = st.builds(
    Column, name=st.sampled_from(["", "us", "share of ceiling"]), right=st.booleans(),
    prose=st.booleans(), least=st.integers(0, 12),
)  # fmt: skip


@given(st.data(), st.integers(LEAST, 120), st.lists(column, min_size=1, max_size=9))
def test_whatever_is_put_into_it_comes_out(data, width, columns):
    table = Table(*columns, head=data.draw(st.booleans()))
    row = st.lists(text, min_size=len(columns), max_size=len(columns))
    rows = data.draw(st.lists(row, max_size=4))
    for cells in rows:
        table.row(*cells)
    lines = drawn(width, table)
    assert max(map(cell_len, lines), default=0) <= width
    came_out = Counter("".join("".join(lines).split()))
    put_in = Counter("".join(words(cell).plain for cells in rows for cell in cells))
    lost = {letter: n for letter, n in (put_in - came_out).items() if letter.strip()}
    assert not lost, "each comes out as often as it was put in, or more often, as a name of columns"


@pytest.mark.parametrize("width", [20, 40, 80])
def test_a_table_of_nothing(width):
    assert drawn(width, Table(name(), prose())) == []
    assert drawn(width, Table(name(), prose()).row("", "")) == []
