"""The tool's clock runs on after the last request: every rate in the file is too low."""

from dataclasses import replace

from tests.serving.generate.mechanism import Mechanism


def _apply(served, random):
    return replace(served, duration=served.duration * random.uniform(1.5, 4))


MECHANISM = Mechanism("idle-window", ("guidellm", "guidellm-requests", "llmperf"), apply=_apply)
