"""``truetpot decode`` with kernels that are right when they are checked, and wrong later."""

import pytest

KERNEL = """
import threading, time
from queue import SimpleQueue

import torch
from truetpot.ops import SILU_MUL
from truetpot.ops.registry import Kernel, register

class_calls = [0]
work = SimpleQueue()

def worker():
    while True:
        out, gate_up = work.get()
        time.sleep(0.002)
        out.copy_(right(gate_up))

def right(gate_up):
    gate, up = gate_up.float().chunk(2, dim=-1)
    return (gate * torch.sigmoid(gate) * up).to(gate_up.dtype)

@register(SILU_MUL, provider="bad", devices=("cpu",))
class Bad(Kernel):
    def __init__(self, case, device):
        super().__init__(case, device)
        self.calls, self.old = 0, None

    def __call__(self, *, gate_up):
        self.calls += 1
        class_calls[0] += 1
        out = right(gate_up)
        {body}
        return out
"""
BODIES = {
    "zeros, each object": "if self.calls > 2: out.zero_()",
    "zeros, all objects": "if class_calls[0] > 2: out.zero_()",
    "zeros, after the first rounds": "if class_calls[0] > 100: out.zero_()",
    "its old output": """if self.calls > 2: return self.old
        self.old = out""",
    "an input used up": "if self.calls > 40: gate_up.zero_(); out.zero_()",
    "a little off": "if self.calls > 30: out *= 1.2",
    "in a thread": """if self.calls > 2:
            if class_calls[0] < 1000: threading.Thread(target=worker, daemon=True).start()
            class_calls[0] = 1000
            out = torch.empty_like(out)
            work.put((out, gate_up))""",
}


@pytest.mark.parametrize("what", BODIES)
def test_a_step_with_a_kernel_that_is_wrong_later(cli, model, tmp_path, check_decode, what):
    folder = tmp_path / "kernels"
    folder.mkdir()
    (folder / "bad.py").write_text(KERNEL.replace("{body}", BODIES[what]))
    done = cli(
        *("decode", "--model", model, "--seconds", 0.1, "--context", 20, "--kernels", folder),
        *("--provider", "bad,torch", "--json"),
    )
    assert done.code == 1, done.err
    check_decode(done.record)
    assert not done.record["valid"]
    wrong = [text for text in done.record["warnings"] if "bad silu_mul" in text or "logits" in text]
    assert wrong, done.record["warnings"]
    assert any("bad silu_mul" in text for text in wrong)


def test_a_right_kernel_of_ones_own_stays_valid(cli, model, tmp_path):
    folder = tmp_path / "kernels"
    folder.mkdir()
    (folder / "bad.py").write_text(KERNEL.replace("{body}", "pass"))
    done = cli(
        *("decode", "--model", model, "--seconds", 0.1, "--context", 20, "--kernels", folder),
        *("--provider", "bad,torch", "--json"),
    )
    assert done.code == 0, done.record["warnings"]
    assert done.record["valid"]


@pytest.mark.parametrize("stage", ["__init__", "refuses", "configs"])
def test_a_kernel_that_exits_where_the_step_is_planned(cli, model, tmp_path, check_decode, stage):
    folder = tmp_path / "kernels"
    folder.mkdir()
    text = (
        KERNEL.replace("{body}", "pass")
        + f"""
def leaves(*args):
    raise SystemExit(0)

Bad.{stage} = leaves if "{stage}" == "__init__" else classmethod(leaves)
"""
    )
    (folder / "bad.py").write_text(text)
    done = cli(
        *("decode", "--model", model, "--seconds", 0.1, "--context", 20, "--kernels", folder),
        *("--provider", "bad,torch", "--json"),
    )
    assert done.code == 1, done.err
    check_decode(done.record)
    (wrong,) = (text for text in done.record["warnings"] if "SystemExit: 0" in text)
    assert wrong.startswith("bad silu_mul (")


def test_a_kernel_that_exits_while_tokens_are_fed(cli, model, tmp_path):
    folder = tmp_path / "kernels"
    folder.mkdir()
    (folder / "bad.py").write_text(KERNEL.replace("{body}", "raise SystemExit(0)"))
    done = cli(
        *("decode", "--model", model, "--tokens", "1,2", "--kernels", folder),
        *("--provider", "bad,torch"),
    )
    assert done.code == 1
    sentence = "truetpot: SystemExit: 0, in bad silu_mul (dtype=bf16 m=1 n=192)."
    assert done.sentence == sentence
