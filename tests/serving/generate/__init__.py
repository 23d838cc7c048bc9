"""Result files of every tool with known truth: a simulated server, and each client's arithmetic.

Written from the tools' own sources, each named in its file, and from nothing of truetpot: what a
reader or a detector gets wrong cannot be wrong here in the same way.

    from tests.serving.generate.make import make

    made = make("vllm-detailed", "clean", seed=1)
    made.name, made.data, made.truth

A tool is a file in ``tools/`` with ``SHAPES``, a mechanism one in ``mechanisms/`` with
``MECHANISM``; no list names them.
"""
