"""Run a command on several ranks: start them, or be one of those that a launcher started."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from truetpot.cli.crash import explain
from truetpot.errors import KernelError, UserError
from truetpot.exits import ExitCode
from truetpot.runs.ranks import RanksDifferError
from truetpot.runtime.distributed.placement import Placement, find_placement
from truetpot.runtime.group import ALONE, Group

Command = Callable[[str, Group], int]
"""Does the work on the device of the name given, as one of the ranks; the exit code."""


def run_ranks(tp: int | None, device: str, command: Command) -> int:
    """Run ``command`` on ``tp`` ranks, each with a device of its own; None: as were started.

    Without a launcher's environment the ranks are started here, as this command line again.
    """
    placement = find_placement()
    if placement is not None:
        if tp not in (None, placement.size):
            raise UserError(
                f"--tp {tp}, but {placement.launcher} started {placement.size} ranks; start {tp}, "
                "or leave out --tp."
            )
        return _as_one(placement, device, command)
    if tp is None or tp == 1:
        return command(device, ALONE)
    from truetpot.runtime.distributed.launch import check_devices, launch
    from truetpot.runtime.distributed.watch import limit_s

    limit_s()
    check_devices(_kind(device), tp)
    return launch(tp, sys.argv[1:])


def _as_one(placement: Placement, device: str, command: Command) -> int:
    """One rank's part. What goes wrong on it ends all of them."""
    from truetpot.runtime.distributed.watch import Watch, hold_signals, limit_s

    limit_s()
    hold_signals()

    watch = Watch(placement.rank, placement.size)
    try:
        from truetpot.runtime.distributed.join import join, lost_connection

        kind = _kind(device)
        with join(placement, kind, watch) as group:
            code = command("cpu" if kind == "cpu" else f"{kind}:{placement.local_rank}", group)
            if code != ExitCode.INTERRUPTED:
                # no rank may go, and take the store with it, before all have come to their end
                code = int(group.most(code))
        return code
    except RanksDifferError as error:
        watch.fail(str(error))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001
        # whatever it is, the other ranks must not wait for this one
        if lost_connection(error):
            time.sleep(watch.patience_s)  # for the watch, which sees who is lost, and ends this
            watch.fail(f"rank {placement.rank} lost the connection to another rank.")
        if isinstance(error, (UserError, KernelError)):
            watch.fail(f"rank {placement.rank}: {error}")
        sentence, fault = explain(error)
        watch.fail(f"rank {placement.rank}: {sentence}", fault)


def _kind(device: str) -> str:
    """The kind of device that ranks are to run on, such as ``xpu``."""
    from truetpot.facts.kinds import rank_kinds
    from truetpot.runtime.choose import best

    kind = (best() if device == "auto" else device).partition(":")[0]
    if kind not in (able := rank_kinds()):
        known = " or ".join([", ".join([*able][:-1]), [*able][-1]])
        raise UserError(f"Ranks run on {known} devices of torch, not on {kind}.")
    if ":" in device:
        raise UserError(f"--device {device} is one card; for several ranks say --device {kind}.")
    return kind
