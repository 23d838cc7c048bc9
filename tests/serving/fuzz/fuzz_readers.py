"""Coverage-guided fuzzing of one reader:

    python tests/serving/fuzz/fuzz_readers.py vllm -runs=100000

Needs atheris (Linux on x86-64). Its coverage ends at compiled code, so numba is off: then a read
beyond an array is an IndexError too. Arguments after the module's name go to libFuzzer; what it
finds it writes to ``crash-*`` in the working directory: keep it in ``corpus/<module>/``.
"""

import os
import re
import sys
import tempfile
from pathlib import Path

os.environ["NUMBA_DISABLE_JIT"] = "1"
sys.path.insert(0, str(Path(__file__).parents[3]))

import atheris

with atheris.instrument_imports(include=["truetpot.serving"]):
    from truetpot.serving.readers.detect import readers

from tests.serving.fuzz.seeds import kept, modules, seeds
from tests.serving.fuzz.test_mutations import TOKENS, read_or_refuse


def main(module: str, *arguments: str) -> None:
    if module not in modules():
        sys.exit(f"{module!r} has no readers; these have: {', '.join(modules())}")
    assert readers()
    samples = [*seeds(module), *(path.read_bytes() for path in kept(module))]
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        for number, sample in enumerate(samples):
            (corpus / str(number)).write_bytes(sample)
        words = {
            word for sample in samples for word in re.findall(rb'"?[\w.%() /-]{2,40}"?:?', sample)
        }
        quoted = (
            "".join(f"\\x{byte:02x}" for byte in word) for word in sorted(words | set(TOKENS))
        )
        Path(folder, "words").write_text("".join(f'"{word}"\n' for word in quoted))
        path = Path(folder, "input")

        def one(content: bytes) -> None:
            path.write_bytes(content)
            read_or_refuse(path)

        options = ["-timeout=5", "-max_len=6000", f"-dict={folder}/words", "-print_final_stats=1"]
        atheris.Setup([sys.argv[0], *options, *arguments, str(corpus)], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
