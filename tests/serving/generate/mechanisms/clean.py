"""Nothing is wrong."""

from tests.serving.generate.mechanism import Mechanism

MECHANISM = Mechanism("clean", shapes=("*",))
