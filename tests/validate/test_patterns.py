"""Bad memory is found and located: stuck bits, flipped ones, address lines, whole regions."""

from pathlib import Path

import numpy as np
import pytest

from truetpot.errors import UserError
from truetpot.records.validate import Health
from truetpot.runtime.choose import choose_device
from truetpot.validate.bad_words import NEAR, BadWords, regions
from truetpot.validate.checks import host_memory, patterns
from truetpot.validate.checks.patterns import PATTERNS, run
from truetpot.validate.judge import Yardsticks, judged
from truetpot.validate.limits import load_limits
from truetpot.validate.measured import Setting
from truetpot.validate.memory import Memory

MIB = 1 << 20
WORDS = 4 * MIB // 4
SETTING = Setting(test="patterns", devices=["cpu"], seconds=0, level="quick", small=True)


class Faulty(Memory):
    """Memory with a fault that ``spoil`` makes after each write."""

    spoil = staticmethod(lambda chunks: None)

    def write(self, pattern):
        super().write(pattern)
        self.spoil(self.chunks)


def spoiled(spoil):
    memory = Faulty.all_of(choose_device("cpu"), 16 * MIB, 0.9)
    memory.spoil = spoil
    told = []
    return run(memory, SETTING, told.append, None), told


def test_good_memory():
    done, told = spoiled(lambda chunks: None)
    assert done.readings[0].value == 0
    assert done.bad_memory is None
    assert len(told) == len(PATTERNS)


def test_a_bit_that_is_stuck_at_one():
    def stuck(chunks):
        chunks[0][5000] |= 1 << 11

    done, told = spoiled(stuck)
    bad = done.bad_memory
    assert done.readings[0].value == bad.words > 0
    assert told[0].readings[0].value > 0  # after the first pattern, should the next one hang
    assert [i for i, count in enumerate(bad.bits) if count] == [11]
    assert [i for i, count in enumerate(bad.lanes) if count] == [(20000 + 1) % 8]
    assert (bad.to_zero, bad.to_one) == (0, bad.words)
    assert bad.offsets == [20000]
    assert [(one.first, one.last, one.words) for one in bad.regions] == [(20000, 20000, 1)]
    assert "byte 0x4e20" in done.readings[0].note and "bits 11" in done.readings[0].note


def test_one_flip_in_one_pattern():
    """A single event, not a stuck bit: one word of one pass."""
    seen = []

    def flip(chunks):
        seen.append(0)
        if len(seen) == 5:
            chunks[0][-1] ^= 1 << 31

    done, _ = spoiled(flip)
    assert done.bad_memory.words == 1
    assert done.bad_memory.offsets == [16 * MIB - 4]
    assert sum(done.bad_memory.bits) == done.bad_memory.bits[31] == 1


def test_an_address_line_that_is_dead():
    """Writes to the upper half land in the lower one: only a word's own address shows it all."""

    def alias(chunks):
        half = len(chunks[0]) // 2
        chunks[0][:half] = chunks[0][half:]

    done, _ = spoiled(alias)
    assert done.bad_memory.patterns["own address"] == 2 * len(
        range(16 * MIB // 4 // 2)
    )  # every word of the half, up and down
    assert "moving inversions" not in done.bad_memory.patterns


def test_a_byte_lane_of_some_regions():
    """As a bad chip of a module shows: one lane, several places."""

    def lane(chunks):
        for start in (0, 4 * MIB // 4, 12 * MIB // 4):
            part = chunks[0][start + 1 : start + 1 + 64 : 2]  # the upper words: lanes 4 to 7
            part ^= 0x00200000

    done, _ = spoiled(lane)
    bad = done.bad_memory
    assert [i for i, count in enumerate(bad.lanes) if count] == [6]
    assert [one.first for one in bad.regions] == [4, 4 * MIB + 4, 12 * MIB + 4]
    assert [one.words for one in bad.regions] == [32] * 3


def test_all_of_it_bad_is_counted_and_not_kept():
    def zero(chunks):
        chunks[0].zero_()

    done, _ = spoiled(zero)
    assert done.bad_memory.words > 20 * MIB
    assert len(done.bad_memory.offsets) == 64


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("turn", [0, 1, 7])
@pytest.mark.parametrize("first", [0, 512, 2**31 - 512, 2**32 - 512])
def test_a_pattern_does_not_depend_on_where_parts_begin(name, turn, first):
    import torch

    for write, _ in PATTERNS[name](turn):
        whole, part = torch.empty(1024, dtype=torch.int32), torch.empty(512, dtype=torch.int32)
        write(whole, first)
        write(part, first + 512)
        assert torch.equal(whole[512:], part)


def test_words_16_gib_apart_are_told_apart():
    import torch

    for name in ("own address", "random sequence"):
        for write, _ in PATTERNS[name](0):
            one, other = (torch.empty(1024, dtype=torch.int32) for _ in range(2))
            write(one, 4096)
            write(other, 2**32 + 4096)
            assert not (one == other).any()


def test_patterns_are_what_they_say():
    import torch

    words = torch.empty(1 << 16, dtype=torch.int32)

    def of(name, turn=0):
        for write, _ in PATTERNS[name](turn):
            write(words, 0)
            yield words.numpy().view(np.uint32).copy()

    up, down = of("own address")
    assert np.array_equal(up, np.arange(1 << 16)) and np.array_equal(down, ~up)
    ones, zeros = of("walking ones")
    assert set(np.bitwise_count(ones)) == {1} and np.array_equal(zeros, ~ones)
    assert len(set(ones[:32])) == 32
    for turn in range(4):
        first, second = of("moving inversions", turn)
        assert np.array_equal(first, ~second) and len(set(first)) == 1
    (random,) = of("random sequence")
    assert len(set(random)) > 0.99 * len(random)
    share = [((random >> bit) & 1).mean() for bit in range(32)]
    assert min(share) > 0.48 and max(share) < 0.52
    (other,) = of("random sequence", 1)
    assert not np.array_equal(random, other)


def test_too_little_of_the_memory_is_no_test():
    memory = Memory.all_of(choose_device("cpu"), 16 * MIB, 0.9)
    with pytest.raises(UserError, match="could be had"):
        run(memory, SETTING, lambda done: None, 0.9)


def test_memory_that_runs_out_is_taken_in_smaller_chunks():
    import torch

    asked = []

    def take(words):
        asked.append(4 * words)
        if 4 * words > 8 * MIB:
            raise MemoryError
        return torch.empty(words, dtype=torch.int32)

    memory = Memory.all_of(choose_device("cpu"), 24 * MIB, 0.9, take)
    assert memory.nbytes == 24 * MIB and asked[-1] == 8 * MIB

    def none(words):
        raise MemoryError

    with pytest.raises(UserError, match="no memory left"):
        Memory.all_of(choose_device("cpu"), 24 * MIB, 0.9, none)


def test_regions_are_neighbours():
    found = regions(np.array([NEAR * 3, 0, 4, NEAR + 4, NEAR * 3, NEAR * 5]))
    assert [(one.first, one.last, one.words) for one in found] == [
        (0, NEAR + 4, 3), (NEAR * 3, NEAR * 3, 1), (NEAR * 5, NEAR * 5, 1),
    ]  # fmt: skip
    assert BadWords().record() is None


def made_edac(root, counts):
    for i, (ce, ue) in enumerate(counts):
        folder = root / f"mc{i}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ce_count").write_text(f"{ce}\n")
        (folder / "ue_count").write_text(f"{ue}\n")
    return root


def test_counters_of_memory_controllers(tmp_path):
    """A tree that was made after Documentation/driver-api/edac.rst; no recording."""
    assert host_memory.edac(tmp_path) is None
    before = host_memory.edac(made_edac(tmp_path, [(1, 0), (2, 0)]))
    after = host_memory.edac(made_edac(tmp_path, [(1, 0), (5, 1)]))
    assert before == {"corrected errors": 3, "uncorrected errors": 0}
    done, _ = spoiled(lambda chunks: None)
    found = {one.name: one for one in host_memory.with_counters(done, before, after).readings}
    by = Yardsticks(load_limits(), None, performance=False)
    corrected, uncorrected = found["corrected errors"], found["uncorrected errors"]
    assert judged("host-memory", uncorrected, [uncorrected.value], by).verdict is Health.FAIL
    assert judged("host-memory", corrected, [corrected.value], by).verdict is Health.WARN
    assert corrected.note == "3 during the test"


def test_host_memory_is_locked_where_the_limits_allow():
    refused = host_memory.Locked(lambda address, size: False)
    assert len(refused.take(WORDS)) == WORDS and refused.nbytes == 0
    done = host_memory.measure(SETTING, lambda done: None)
    assert done.found["bytes"] == patterns.SMALL_BYTES
    assert 0 <= done.found["locked_bytes"] <= patterns.SMALL_BYTES
    assert Path("/sys").exists() or done.found["edac"] is None
