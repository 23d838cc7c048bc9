"""What people do with ASV, a word each: `python -m benchmarks COMMAND`.

    python -m benchmarks run linear --provider numba    # the commit that is checked out
    python -m benchmarks compare main                   # what is stored of it and of main
    python -m benchmarks gate main                      # measure both in turn, and judge
    python -m benchmarks publish --serve                # the pages, whole, on this machine
    python -m benchmarks publish --results FOLDER       # of results that lie elsewhere

Exit codes of compare and gate: 0, nothing is slower; 1, something is, and all processes agree, with
gate in two measurements; 2, a benchmark fails, or the command cannot be carried out.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.daily.names import camel, check_names
from benchmarks.offered import forkable
from benchmarks.size import chosen
from truetpot.errors import UserError

if TYPE_CHECKING:
    from benchmarks.daily.judge import Judged

ROOT = Path(__file__).parents[1]
BUILT, HERE = "asv.conf.json", "asv.xpu.conf.json"
PORT, MOST_PORT = 8080, 65535


def pattern(operators: Sequence[str], provider: str | None) -> str | None:
    """ASV's ``--bench`` for operators or files of benchmarks, and a provider; None for all."""
    names = "|".join(rf"^{each}\.|\.{camel(each)}\." for each in map(re.escape, operators))
    if not names and provider is None:
        return None
    return (f"({names})" if names else "") + (f".*'{re.escape(provider)}'" if provider else "")


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    from asv.util import UserError as AsvError

    given = _parser().parse_args(arguments)
    try:
        check_names(getattr(given, "operators", ()), getattr(given, "provider", None))
        if given.act in (run, once, gate):
            chosen(os.environ)  # a wrong variable is told before asv is started
        return int(given.act(given))
    except (UserError, AsvError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


def run(given: argparse.Namespace) -> int:
    """Measure the commit that is checked out, and store it."""
    _describe(given)
    which = ["--set-commit-hash", _commit("HEAD")] if given.here else ["HEAD^!"]
    code = _asv(given, "run", *_launch(), "--record-samples", *which, *_bench(given), *given.rest)
    return 0 if code == 0 else 2


def once(given: argparse.Namespace) -> int:
    """Do they all still run? Each once, small shapes unless TRUETPOT_BENCH says otherwise."""
    os.environ.setdefault("TRUETPOT_BENCH", "small")
    _describe(given)
    here = ("--quick", "--python=same", "--show-stderr")
    return 2 if _asv(given, "run", *_launch(), *here, *_bench(given), *given.rest) else 0


def compare(given: argparse.Namespace) -> int:
    """ASV's table of what is stored of two commits, and the verdict of their processes."""
    commits = _commit(given.base), _commit(given.head)
    if _asv(given, "compare", "--only-changed", *commits, *given.rest):
        return 2
    return _told(_judged(given, *commits))


def gate(given: argparse.Namespace) -> int:
    """Measure two commits in turn, process by process, and judge; what has changed, once more."""
    if given.here:
        raise UserError(
            "ASV cannot change the commit of the environment at hand: check each out and run "
            "`python -m benchmarks run --here`, then compare them."
        )
    _describe(given)
    commits = _commit(given.base), _commit(given.head)
    found = _measured(given, commits, _bench(given))
    if found is not None and (changed := found.changed):
        sys.stdout.write("".join(f"again   {one.ratio:5.2f}  {one.name}\n" for one in changed))
        exactly = [word for one in changed for word in ("--bench", f"^{re.escape(one.name)}$")]
        again = _measured(given, commits, exactly)
        found = None if again is None else found.confirmed(again)
    return 2 if found is None else _told(found)


def publish(given: argparse.Namespace) -> int:
    """The pages, with all that they load beside them; and serve them until Ctrl-C."""
    from benchmarks.daily.pages import localise, publish_of, serve

    if given.port is not None and not given.serve:
        raise UserError("--port is where --serve puts the pages: give --serve too.")
    html = publish_of(ROOT / _config(given), given.results, given.rest)
    if html is None:
        return 2
    localise(html, ROOT / ".asv" / "npm")
    sys.stdout.write(f"The pages are in {html}: they load nothing from elsewhere.\n")
    if given.serve:
        server = serve(html, PORT if given.port is None else given.port)
        sys.stdout.write(f"http://127.0.0.1:{server.server_port}/ until Ctrl-C\n")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            server.server_close()
    return 0


def machine(given: argparse.Namespace) -> int:
    """Bring ``~/.asv-machine.json`` up to date, and print what it has of this machine."""
    for key, value in _describe(given).items():
        sys.stdout.write(f"{key:<12}{value}\n")
    return 0


def _measured(
    given: argparse.Namespace, commits: tuple[str, str], bench: Sequence[str]
) -> Judged | None:
    """Both in turn; None where a benchmark failed, or asv could not run."""
    each = (*_launch(), "--interleave-rounds", "--record-samples", *bench, *given.rest)
    # 1: slower as ASV sees it, which the processes have to confirm; 2: a benchmark failed
    if _asv(given, "continuous", *commits, *each) not in (0, 1):
        return None
    return _judged(given, *commits)


def _judged(given: argparse.Namespace, old: str, new: str) -> Judged:
    from asv.config import Config
    from asv.machine import Machine, MachineCollection

    from benchmarks.daily.judge import judge
    config = Config.load(str(ROOT / _config(given)))
    config.results_dir = str(ROOT / config.results_dir)
    name = MachineCollection.load(Machine.get_unique_machine_name())["machine"]
    try:
        return judge(config, name, old, new)
    except LookupError as error:
        raise UserError(f"Nothing is stored of {error} for {name}: run it there first.") from error


def _told(found: Judged) -> int:
    sys.stdout.write("".join(f"{line}\n" for line in found.lines()))
    return found.code


def _describe(given: argparse.Namespace) -> dict[str, str]:
    from benchmarks.daily.machine import describe

    return describe() if given.here else describe("cpu", ROOT / "constraints.txt")


def _asv(given: argparse.Namespace, *words: str) -> int:
    command = [sys.executable, "-m", "asv", "--config", _config(given), *words]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def _launch() -> list[str]:
    """How asv starts a benchmark: torch and numba are imported once, where that can be."""
    return ["--launch-method", "forkserver" if forkable(os.environ) else "spawn"]


def _config(given: argparse.Namespace) -> str:
    return HERE if given.here else BUILT


def _bench(given: argparse.Namespace) -> list[str]:
    wanted = pattern(given.operators, given.provider)
    return [] if wanted is None else ["--bench", wanted]


def _commit(name: str) -> str:
    """The whole hash. Raises UserError."""
    command = ["git", "-C", str(ROOT), "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"git knows no commit {name}: name one that is in this clone.")
    return done.stdout.strip()


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > MOST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give 0 to {MOST_PORT}")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for act in (run, once, compare, gate, publish, machine):
        said = (act.__doc__ or "").splitlines()[0]
        one = commands.add_parser(act.__name__, help=said, description=said)
        one.set_defaults(act=act, rest=[])
        one.add_argument("--here", action="store_true", help=f"in this environment, by {HERE}")
        if act in (run, once, gate):
            one.add_argument("--provider", help="only this one's kernels")
        if act in (run, once):
            one.add_argument("operators", nargs="*", help="operators, or files of benchmarks")
        if act in (compare, gate):
            one.add_argument("base", nargs="?", default="main", help="the old commit")
            one.add_argument("head", nargs="?", default="HEAD", help="the new one")
        if act is gate:
            one.add_argument(
                "--op", dest="operators", action="append", default=[], metavar="OP",
                help="only this operator, or file of benchmarks; may be repeated",
            )  # fmt: skip
        if act is publish:
            one.add_argument(
                "--results", type=Path, metavar="FOLDER",
                help="what is published, instead of what is stored here",
            )  # fmt: skip
            one.add_argument("--serve", action="store_true", help="and serve them on this machine")
            one.add_argument("--port", type=_port, help=f"where they are served; {PORT}")
        if act is not machine:
            one.add_argument(
                "--asv", dest="rest", action="append", default=[], metavar="ARG",
                help="an argument for asv, as --asv=-a --asv=rounds=6",
            )  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
