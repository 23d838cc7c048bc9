"""Cards read from trees that are made, not recorded (see conftest.py)."""

import re

import pytest

from truetpot.doctor.cards import families, find_cards
from truetpot.facts.hardware import all_hardware

GIB = 1 << 30


def only(cards):
    (card,) = cards
    return card


def test_nothing_there(tmp_path, made):
    assert find_cards(made.root) == []
    assert find_cards(tmp_path / "not/there") == []


def test_an_a770_on_i915_has_the_link_of_its_switch_not_its_own(made):
    made.card(1, 0x56A0, made.X16)
    card = only(find_cards(made.root))
    assert (card.title, card.driver) == ("Intel Arc A770 16GB", "i915")
    assert card.hardware.key == "arc-a770"
    assert (card.address, card.drm, card.render) == ("0000:03:00.0", "card0", "renderD128")
    assert card.discrete and card.render_usable
    assert (card.link.at, card.link.speed, card.link.width) == ("0000:01:00.0", 16, 16)
    assert card.link.gb_s == pytest.approx(31.5, abs=0.05)
    assert card.narrowest == card.link
    assert (card.window, card.largest_window) == (16 * GIB, 16 * GIB)
    (clock,) = card.clocks
    assert (clock.where, clock.now, clock.low, clock.high) == ("gt0", 600, 300, 2400)
    assert (clock.hardware_low, clock.hardware_high) == (300, 2400)
    assert not clock.pinned and not clock.capped and clock.throttled_by == ()
    (limit,) = card.power
    assert (limit.what, limit.limit_w, limit.rated_w) == ("card", 190, 190)


def test_a_b580_on_xe_has_the_clock_of_its_compute_tile(made):
    made.card(1, 0xE20B, made.X8, driver="xe")
    card = only(find_cards(made.root))
    assert (card.title, card.driver) == ("Intel Arc B580", "xe")
    assert (card.link.width, card.link.max_width) == (8, 8)
    (clock,) = card.clocks
    assert clock.where == "tile0/gt0"
    assert (clock.low, clock.high, clock.hardware_high) == (400, 2850, 2850)


def test_xe_names_what_throttles_and_i915_does_not_count_its_summary(made):
    gpu = made.card(1, 0xE20B, made.X8, driver="xe")
    made.write(gpu / "tile0/gt0/freq0/throttle/reason_thermal", 1)
    made.write(gpu / "tile0/gt0/freq0/throttle/status", 1)
    old = made.card(5, 0x56A0, made.X16)
    made.write(old / "drm/card1/gt/gt0/throttle_reason_status", 1)
    made.write(old / "drm/card1/gt/gt0/throttle_reason_pl1", 1)
    new, old = find_cards(made.root)
    assert new.clocks[0].throttled_by == ("thermal",)
    assert old.clocks[0].throttled_by == ("pl1",)


def test_pinned_and_capped(made):
    gpu = made.card(1, 0x56A0, made.X16)
    made.i915_clocks(gpu / "drm/card0", low=2400, high=2400)
    (clock,) = only(find_cards(made.root)).clocks
    assert clock.pinned and not clock.capped
    made.i915_clocks(gpu / "drm/card0", low=300, high=2000)
    (clock,) = only(find_cards(made.root)).clocks
    assert clock.capped and not clock.pinned


def test_older_kernels_have_the_clock_beside_the_card(made):
    gpu = made.card(1, 0x56A0, made.X16)
    for file in (gpu / "drm/card0/gt/gt0").iterdir():
        file.unlink()
    for name, mhz in (("min", 300), ("max", 2400), ("RP0", 2400)):
        made.write(gpu / f"drm/card0/gt_{name}_freq_mhz", mhz)
    (clock,) = only(find_cards(made.root)).clocks
    assert (clock.low, clock.high) == (300, 2400)
    assert (clock.hardware_low, clock.hardware_high) == (None, 2400)


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize(("driver", "device_id"), [("i915", 0x56A0), ("xe", 0xE211)])
def test_cards_beside_an_integrated_gpu(made, driver, device_id, count):
    made.integrated(driver)
    for place in range(count):
        made.card(0x10 * (place + 1), device_id, made.X16, driver=driver)
    integrated, *cards = find_cards(made.root)
    assert not integrated.discrete
    assert (integrated.address, integrated.link, integrated.window) == ("0000:00:02.0", None, None)
    assert integrated.title == "Intel integrated GPU 0x4680"
    assert len({card.address for card in cards}) == len({card.drm for card in cards}) == count
    assert all(card.discrete and card.link.width == 16 for card in cards)


def test_a_card_of_a_known_family_without_an_entry_in_the_tables(made):
    made.card(1, 0x56A5, made.X8)
    card = only(find_cards(made.root))
    assert card.discrete and card.hardware is None
    assert card.title == "Intel Alchemist (DG2: Arc A-series) 0x56a5"


def test_a_card_that_a_virtual_machine_has_on_its_own_is_still_discrete(made):
    device = made.pci(None, "0000:00:05.0", 0x8086, 0x56A0, 0x030000)
    made.drm(device, "i915")
    assert only(find_cards(made.root)).discrete


def test_a_thin_link_on_the_way_to_the_processor_is_found(made):
    thin = ("8.0 GT/s PCIe", 4, "8.0 GT/s PCIe", 4)
    root = made.pci(None, "0000:00:01.0", 0x8086, 0xA70D, 0x060400, thin)
    up = made.pci(root, "0000:01:00.0", 0x10B5, 0x8747, 0x060400, thin)
    down = made.pci(up, "0000:02:08.0", 0x10B5, 0x8747, 0x060400, made.X16)
    made.card(0x20, 0x56A0, made.X16, slot_parent=down)
    card = only(find_cards(made.root))
    assert (card.link.at, card.link.width) == ("0000:20:00.0", 16)
    assert (card.narrowest.speed, card.narrowest.width) == (8, 4)


def test_a_link_that_really_is_slow_is_not_taken_for_the_placeholder(made):
    slow = ("2.5 GT/s PCIe", 1, "16.0 GT/s PCIe", 16)
    made.card(1, 0x56A0, slow)
    card = only(find_cards(made.root))
    assert (card.link.at, card.link.speed, card.link.width) == ("0000:01:00.0", 2.5, 1)


def test_another_vendors_card_has_its_own_link(made):
    root = made.pci(None, "0000:00:01.0", 0x8086, 0xA70D, 0x060400, made.X16)
    made.pci(root, "0000:01:00.0", 0x10DE, 0x2335, 0x030200, made.X16)
    card = only(find_cards(made.root))
    assert (card.title, card.driver) == ("NVIDIA GPU 0x2335", None)
    assert (card.link.at, card.link.width, card.window) == ("0000:01:00.0", 16, None)


@pytest.mark.parametrize(("version", "discrete"), [(1, True), (2, False), (3, False), (None, True)])
def test_the_graphics_of_an_amd_processor_are_no_card(made, version, discrete):
    bridge = made.pci(None, "0000:00:08.1", 0x1022, 0x14DD, 0x060400)
    device = made.pci(bridge, "0000:0c:00.0", 0x1002, 0x164E, 0x030000, made.X16)
    if version is not None:
        (device / "gpu_metrics").write_bytes(bytes([120, 0, version, 1]) + bytes(116))
    card = only(find_cards(made.root))
    assert card.discrete is discrete
    assert ("integrated" in card.title) is not discrete


def test_a_boards_management_display_is_no_card(made):
    made.pci(None, "0000:00:03.0", 0x1A03, 0x2000, 0x030000)
    assert find_cards(made.root) == []


def test_a_power_limit_of_zero_is_off(made):
    gpu = made.card(1, 0xE20B, made.X8, driver="xe")
    made.power(gpu, "xe", limit=0)
    made.write(gpu / "hwmon/hwmon3/power2_max", 150_000_000)
    card, package = only(find_cards(made.root)).power
    assert (card.limit_w, card.rated_w, card.rated_by) == (None, 190, "driver")
    assert (package.what, package.limit_w, package.rated_by) == ("package", 150, "datasheet")
    assert not card.lowered and not package.lowered  # a package has no datasheet of its own


def test_families_agree_with_the_cards_of_the_tables():
    known = [f"intel(r) graphics [0x{i:04x}]" for family in families() for i in family.ids]
    for card in all_hardware().values():
        if card.key.startswith(("arc", "max")):
            assert any(re.search(match, name) for match in card.match for name in known), card.key
    ids = [i for family in families() for i in family.ids]
    assert len(ids) == len(set(ids))
