"""What numba makes of the CPU kernels: `compiled_code.py FILE` writes it, a second FILE compares.

One line a compiled function: the kernel and case that asked for it, its name, how many
instructions, and a digest of their opcodes in order. Two checkouts whose files are equal run the
same code. `compiled_code.py before.json after.json` lists what differs, and exits with 1.
"""

import gc
import hashlib
import json
import os
import re
import sys
from pathlib import Path

OPS = ("linear", "linear_silu_mul", "decode_attention")
_OPCODE = re.compile(r"^\t([a-z][\w.]*)", re.MULTILINE)


def compiled() -> dict[str, list[str]]:
    """By kernel and case, the functions that their default configuration compiles."""
    os.environ["TRUETPOT_TUNED"] = "off"
    from numba.core.dispatcher import Dispatcher

    from truetpot.measure.prepared import PreparedCase
    from truetpot.ops.registry import REGISTRY
    from truetpot.runtime.choose import choose_device

    REGISTRY.load_builtin()
    device, found, known = choose_device("cpu"), {}, set()
    for name in OPS:
        (kind,) = REGISTRY.kernels(name, "numba")
        for case in kind.op.grid():
            if kind.refuses(case, device) is not None:
                continue
            verdict = PreparedCase(kind.op, case, device).check(kind.make(case, device))
            assert verdict.ok, verdict.reason
            lines = []
            for one in [o for o in gc.get_objects() if isinstance(o, Dispatcher)]:
                for signature in one.signatures:
                    if (id(one), signature) not in known:
                        known.add((id(one), signature))
                        opcodes = _OPCODE.findall(one.inspect_asm(signature))
                        digest = hashlib.sha256(" ".join(opcodes).encode()).hexdigest()[:12]
                        lines.append(f"{one.py_func.__name__} {len(opcodes)} {digest}")
            if lines:
                found[f"{name} {case.label()}"] = sorted(lines)
    return found


def main(file: str, other: str = "") -> int:
    """Write one, or compare two."""
    if not other:
        Path(file).write_text(json.dumps(compiled(), indent=0))
        return 0
    before, after = (json.loads(Path(one).read_text()) for one in (file, other))
    differ = [case for case in before | after if before.get(case) != after.get(case)]
    for case in differ:
        print(case, before.get(case), after.get(case), sep="\n  ")
    functions = sum(map(len, before.values()))
    print(f"{functions} functions of {len(before)} cases, {len(differ)} cases differ")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
