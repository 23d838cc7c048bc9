"""The cards, their sources and their names."""

from dataclasses import fields

import pytest

from truetpot.errors import UserError
from truetpot.facts.hardware import (
    Hardware,
    all_hardware,
    load_hardware,
    recognise,
    recognise_cards,
)

NAMES = {
    "Intel(R) Arc(TM) A770 Graphics": "arc-a770",
    "Intel(R) Arc(tm) A770 Graphics (DG2)": "arc-a770",
    "Intel(R) Graphics [0x56a0]": "arc-a770",
    "Intel(R) Arc(TM) A750 Graphics": "arc-a750",
    "Intel(R) Arc(TM) B570 Graphics": "arc-b570",
    "Intel(R) Arc(TM) B580 Graphics": "arc-b580",
    "Intel(R) Graphics [0xe20b]": "arc-b580",
    "Intel(R) Arc(TM) Pro B60 Graphics": "arc-pro-b60",
    "Intel(R) Graphics [0xe211] (dGPU)": "arc-pro-b60",
    "Intel(R) Arc(TM) Pro B70 Graphics": "arc-pro-b70",
    "Intel(R) Data Center GPU Max 1100": "max-1100",
    "Intel(R) Data Center GPU Max 1550": "max-1550",
    "Intel(R) Graphics [0x0bd5]": "max-1550",
    "NVIDIA H200": "h200",
}
STRANGERS = [
    "Intel(R) Arc(TM) A770M Graphics",
    "Intel(R) Arc(TM) A730M Graphics",
    "Intel(R) Arc(TM) A580 Graphics",
    "Intel(R) Arc(TM) A60 Graphics",
    "Intel(R) Arc(TM) Pro A60M Graphics",
    "Intel(R) Arc(TM) Pro B50 Graphics",
    "Intel(R) Arc(TM) Graphics",
    "Intel(R) Data Center GPU Max 1450",
    "Intel(R) UHD Graphics 770",
    "NVIDIA GH200 480GB",
    "NVIDIA H200 NVL",
    "NVIDIA H100 80GB HBM3",
    "cpu",
    "",
]


def test_the_promised_cards_are_there() -> None:
    assert set(NAMES.values()) <= set(all_hardware())


@pytest.mark.parametrize("card", all_hardware().values(), ids=lambda c: c.key)
def test_every_number_has_a_source_and_every_source_a_number(card: Hardware) -> None:
    unsourced = {"key", "title", "match", "sources", "derived", "note"}
    given = {f.name for f in fields(card) if getattr(card, f.name) is not None} - unsourced
    assert set(card.sources) == given
    assert set(card.derived) <= given


def test_bandwidths() -> None:
    wanted = {"arc-a770": 560, "arc-a750": 512, "arc-b580": 456, "arc-pro-b70": 608, "h200": 4800}
    assert {key: load_hardware(key).bandwidth_gb_s for key in wanted} == wanted
    assert load_hardware("arc-a770").read_ms(560e6) == 1.0


@pytest.mark.parametrize(("name", "key"), NAMES.items())
def test_recognises(name: str, key: str) -> None:
    found = recognise(name)
    assert found is not None
    assert found.key == key


@pytest.mark.parametrize("name", STRANGERS)
def test_does_not_recognise(name: str) -> None:
    assert recognise(name) is None


def test_memory_tells_cards_of_one_name_apart() -> None:
    name = "Intel(R) Arc(TM) A770 Graphics"
    assert recognise(name, 16_225_243_136) is load_hardware("arc-a770")
    assert recognise(name, 8 * 2**30) is None
    assert recognise("Intel(R) Data Center GPU Max 1550", 64 * 2**30) is None


@pytest.mark.parametrize(
    ("text", "key", "cards"),
    [
        ("Intel(R) Arc(TM) A770 Graphics", "arc-a770", 1),
        ("Arc Pro B70", "arc-pro-b70", 1),
        ("[0x56a0]", "arc-a770", 1),
        ("SYCL0 (Intel(R) Arc(TM) B580 Graphics)", "arc-b580", 1),
        ("Intel(R) Arc(TM) A770 Graphics, Intel(R) Arc(TM) A770 Graphics", "arc-a770", 2),
        ("Intel(R) Arc(TM) A770 Graphics, Intel(R) UHD Graphics 770", "arc-a770", 1),
        ("4 x Arc A770 16GB", "arc-a770", 4),
        ("2x Intel Arc Pro B60 24 GiB", "arc-pro-b60", 2),
    ],
)
def test_cards_as_files_name_them(text: str, key: str, cards: int) -> None:
    assert recognise_cards(text) == (load_hardware(key), cards)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        "NVIDIA GeForce RTX 4090",
        "Intel(R) UHD Graphics 770",
        "Intel Arc A770 8GB",
        "Intel(R) Arc(TM) A770 Graphics, Intel(R) Arc(TM) B580 Graphics",
        "Intel(R) Arc(TM) A770 Graphics / NVIDIA GeForce RTX 4090",
    ],
)
def test_cards_that_are_not_known_or_differ(text: str) -> None:
    assert recognise_cards(text) is None


@pytest.mark.parametrize(("asked", "key"), [("a770", "arc-a770"), ("B60", "arc-pro-b60")])
def test_a_card_by_the_end_of_its_key(asked, key):
    assert load_hardware(asked).key == key


@pytest.mark.parametrize("asked", ["", "770", "pro", "arc"])
def test_a_part_of_a_key_is_no_card(asked):
    with pytest.raises(UserError, match="unknown card"):
        load_hardware(asked)


def test_unknown_card() -> None:
    with pytest.raises(UserError, match=r"unknown card 'arc-a380'.*arc-a770"):
        load_hardware("arc-a380")
