"""The ceiling: how fast this device can be read."""

from __future__ import annotations

from dataclasses import replace

from truetpot.errors import UserError
from truetpot.measure.ceiling import SLICES, SWEEP, buffer_bytes, find_ceiling
from truetpot.ops import MEMORY_READ, MemoryReadCase

from . import common, older_selection

GIB = 1 << 30


@common.offered
class Read:
    """One GiB by a provider's read kernel, the fastest of its configurations in this process."""

    version = "2"
    unit = "seconds"
    timeout = 600
    param_names = ("device", "provider")
    params = ([common.DEVICE], common.providers("memory_read"))

    def track_device_time(self, device, provider):
        """Seconds a GiB: ASV takes lower for better, which GB/s are not."""
        common.need(MEMORY_READ.name, provider)
        here = common.device(device)
        try:
            what = MemoryReadCase("fp32", buffer_bytes(here) // SLICES)
            if reason := older_selection.refusal(MEMORY_READ, provider, what, here):
                common.skip(reason)
            sweep = replace(SWEEP, seconds=min(SWEEP.seconds, common.SECONDS))
            best = find_ceiling(here, sweep, [provider]).entrant(GIB)
        except UserError as error:
            common.skip(str(error))
        if hardware := common.card(here):
            best.floor_s = hardware.read_ms(best.bytes) * 1e-3
        times = common.race_alone(best, here).device_s
        return common.samples([each * GIB / best.bytes for each in times])

    track_device_time.rounds = common.ROUNDS
