"""What the numba linears' inner loop costs by llvm-mca's models, for any CPU that they know.

    python tools/cpu_loops.py --cpu sapphirerapids,znver4 --format sym_int4,bf16 --rows 1,4

One line a format, dtype, ``parts`` and number of rows: instructions and cycles for 64 bytes of
weights, all rows together, and the stores and loads of whole vectors on the stack (spills). The
loop is compiled for this machine's CPU and not run. llvm-mca knows no memory: its cycles are those
of a loop whose data is in the L1.
"""

import argparse
import re
import shutil
import subprocess
import sys

SIGNATURE = "(int64, int64, int64, int64, int64, int64)"
TURNS = 200
_JUMP = re.compile(r"^\tj\w+\t(\.L\w+)")
PRODUCTS = ((re.compile("\tvpdpbusd"), 4), (re.compile("\tvdpbf16ps"), 2),
            (re.compile(r"\tvfmadd.*\{1to16\}"), 1))  # fmt: skip
"""Of a row of x by sixteen of W, and how many k each has."""


def loops(asm: str) -> list[tuple[int, int]]:
    """First and last line of every loop, as a jump back has them."""
    labels, found = dict[str, int](), list[tuple[int, int]]()
    for i, line in enumerate(asm.splitlines()):
        if line.endswith(":"):
            labels[line[:-1]] = i
        elif (jump := _JUMP.match(line)) and jump[1] in labels:
            found.append((labels[jump[1]], i))
    return found


def products(lines: list[str]) -> int:
    """k times rows that lines multiply, of the widest kind that they have."""
    for pattern, k in PRODUCTS:
        if found := sum(bool(pattern.match(line)) for line in lines):
            return k * found
    return 0


def block(asm: str, k: int) -> list[str]:
    """The instructions for ``k`` k times rows and more: the loop over blocks, its inner loop in
    line as often as it turns."""
    lines, every = asm.splitlines(), loops(asm)
    spans = {one: products(lines[one[0] : one[1]]) for one in every}
    inner = max((one for one in every if spans[one]), key=lambda one: (spans[one], one[0] - one[1]))
    smallest = min((o for o in every if spans[o] == spans[inner]), key=lambda o: o[1] - o[0])
    body = lines[smallest[0] : smallest[1]]
    around = [o for o in every if o[0] < smallest[0] and o[1] > smallest[1]]
    if around and spans[smallest] < k:
        first, last = min(around, key=lambda o: o[1] - o[0])
        turns = k // spans[smallest]
        body = lines[first : smallest[0]] + body * turns + lines[smallest[1] + 1 : last]
    return [one for one in body if re.match(r"\t[a-z]", one) and not one.startswith("\tj")]


def spills(body: list[str]) -> int:
    """Whole vectors that go to the stack or come from it."""
    return sum("%zmm" in line and "(%rsp" in line for line in body)


def cycles(body: list[str], cpu: str, mca: str) -> float:
    """Cycles a turn by llvm-mca's model of a CPU."""
    command = [mca, f"-mcpu={cpu}", f"-iterations={TURNS}", "-mtriple=x86_64"]
    text = "\n".join(body) + "\n"
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return int(re.search(r"Total Cycles:\s+(\d+)", done.stdout)[1]) / TURNS


def main() -> int:
    """Print the table."""
    from truetpot.kernels._lib.numba.linear.defaults import defaults
    from truetpot.kernels._lib.numba.linear.panels import BLOCK, BLOCKED, panel_bytes
    from truetpot.kernels._lib.numba.linear.paths import parts_of, path

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cpu", default="sapphirerapids,znver4")
    parser.add_argument("--format", default="sym_int4,asym_int4,sym_int8,bf16,fp8_e5m2")
    parser.add_argument("--dtype", default="bf16,fp16,fp32")
    parser.add_argument("--rows", default="1,most", help="most: as many as share a sweep")
    parser.add_argument("--parts", help="of x, such as 0,2,3; else the dtype's and 0")
    parser.add_argument("--ahead", type=int, default=0)
    parser.add_argument("--mca", default="llvm-mca", help="17 or later has these CPUs")
    given = parser.parse_args()
    if shutil.which(given.mca) is None:
        print(f"There is no {given.mca}; apt install llvm-19 has llvm-mca-19.", file=sys.stderr)
        return 2
    cpus = given.cpu.split(",")
    print("format     dtype parts rows instr. spills", *(f"{cpu:>15}" for cpu in cpus))
    for name in given.format.split(","):
        for dtype in given.dtype.split(",") if name in BLOCKED else ["bf16"]:
            usual = parts_of(name, defaults().parts[dtype])
            for parts in map(int, given.parts.split(",")) if given.parts else usual:
                for rows in given.rows.split(","):
                    way = path(name, dtype, parts)
                    count = way.most if rows == "most" else int(rows)
                    dot = way.dot(count, given.ahead, 1)
                    dot.compile(SIGNATURE)
                    whole = BLOCK * count * (parts or way.terms) if name in BLOCKED else 0
                    body = block(dot.inspect_asm(dot.signatures[0]), whole)
                    done = products(body) / count / (parts or way.terms)
                    part = 64 / (panel_bytes(name, BLOCK) / BLOCK * done)
                    each = (f"{cycles(body, cpu, given.mca) * part:15.2f}" for cpu in cpus)
                    print(
                        f"{name:<10} {dtype:<5} {parts:>5} {count:>4} {len(body) * part:>6.1f} "
                        f"{spills(body):>6}", *each, flush=True,
                    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
