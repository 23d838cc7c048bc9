"""Arrays are views of blocks, and blocks go round."""

import numpy as np
import pytest

from truetpot.errors import UserError
from truetpot.runtime.opencl.memory import BufferMemory

pytestmark = pytest.mark.opencl


def test_views_are_of_the_same_memory(device):
    host = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)
    there = device.upload(host)
    for view, want in (
        (there[1], host[1]),
        (there[-1][2], host[-1][2]),
        (there[0:1], host[0:1]),
        (there[1][1:], host[1][1:]),
        (there.reshape(6, -1), host.reshape(6, 4)),
        (there.reshape(24)[5:7], host.reshape(24)[5:7]),
    ):
        assert view.shape == want.shape
        assert view.block is there.block
        np.testing.assert_array_equal(device.download(view), want)


@pytest.mark.parametrize("which", [2, -3, slice(0, 2, 2)])
def test_a_view_outside_or_with_steps(device, which):
    with pytest.raises(IndexError):
        device.upload(np.zeros((2, 4), np.float32))[which]


def test_a_shape_of_another_size(device):
    with pytest.raises(ValueError, match="cannot become"):
        device.upload(np.zeros((2, 4), np.float32)).reshape(3, -1)


def test_a_block_is_used_again_as_soon_as_nothing_refers_to_it(device):
    first = device.empty((1000,), np.float32)
    view, handle = first[10:], first.block.handle
    del first
    assert device.empty((1000,), np.float32).block.handle != handle, "the view still needs it"
    del view
    assert device.empty((1000,), np.float32).block.handle == handle


def test_a_large_block_goes_back_to_the_driver(device):
    before = device.free_bytes()
    held = device.memory.held_bytes
    large = device.empty((100 << 20,), np.uint8)
    assert device.memory.held_bytes == held + (100 << 20)
    del large
    assert device.memory.held_bytes == held
    assert device.free_bytes() > before - (64 << 20)


def test_poison_is_nan_and_ends_with_its_block(device):
    with device.poisoned():
        assert np.isnan(device.download(device.empty((5,), np.float16))).all()
    one = device.upload(np.ones((4, 8), np.float32))
    device.poison(one[2])
    assert np.isnan(device.download(one)).all(), "the whole block"
    device.poison(np.ones(3))


def test_storage_tells_views_of_one_block_from_others(device):
    one, two = (device.upload(np.ones((4, 8), np.float32)) for _ in range(2))
    assert device.storage(one) == device.storage(one[2])
    assert device.storage(one) != device.storage(two)
    assert device.storage(3) is None


def test_above_the_largest_allocation_the_limit_is_said(device):
    limit = device.memory.largest
    with pytest.raises(UserError, match="CL_DEVICE_MAX_MEM_ALLOC_SIZE") as error:
        device.empty((limit + 1,), np.uint8)
    assert f"{limit / 2**30:.2f} GiB in one allocation" in str(error.value)
    assert "\n" not in str(error.value)


def test_without_memory_the_pool_is_given_back_before_a_refusal(device, monkeypatch):
    """The driver's refusal is played: to exhaust a shared machine's memory is no test."""
    device.empty((1 << 20,), np.uint8)
    assert device.memory.pooled_bytes > 0
    monkeypatch.setattr(device.memory, "_allocate", lambda nbytes: None)
    with pytest.raises(UserError, match=r"has no 0\.01 GiB left; use a smaller") as error:
        device.empty((10 << 20,), np.uint8)
    assert device.memory.pooled_bytes == 0
    assert "\n" not in str(error.value)


def test_a_row_that_a_buffer_cannot_be_cut_at_is_refused(device):
    if not isinstance(device.memory, BufferMemory):
        pytest.skip("pointers may begin anywhere")
    rows = device.upload(np.zeros((4, 3), np.int32))[1]
    with pytest.raises(ValueError, match=f"multiple of {device.memory.align} bytes"):
        device.memory.set_argument(0, 0, rows.block.handle, rows.offset, rows.nbytes)
