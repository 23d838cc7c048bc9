"""What a rank tells of itself while its main thread works."""

from truetpot.runtime.distributed.watch import Watch


def test_a_wait_within_a_wait_does_not_end_it():
    watch = Watch(0, 2)
    with watch.waiting():
        began = watch._waits_since
        with watch.meeting():
            assert watch._waits_since >= began
        assert watch._waits_since == began
    assert watch._waits_since is None
