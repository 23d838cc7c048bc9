"""The page of a machine."""

from truetpot.doctor.finding import bad, ok, warn
from truetpot.records.providers import KernelEntry
from truetpot.report.doctor import draw_findings, draw_providers_short
from truetpot.report.terminal import Terminal


def printed(capsys, what):
    Terminal().show(what)
    return " ".join(capsys.readouterr().out.split())


def row(provider, available, reason=""):
    return KernelEntry(
        op="linear", provider=provider, available=available, reason=reason, note="", source=""
    )


def test_a_provider_that_cannot_run_says_what_is_wrong_here(capsys):
    rows = [
        row("numba", True),
        row("ipex", False, "runs on xpu, not on cpu"),
        row("ipex", False, "it is not installed"),
        row("triton", False, "runs on cuda, xpu, not on cpu"),
    ]
    text = printed(capsys, draw_providers_short(rows, "cpu"))
    assert "numba 1 of 1 kernel" in text
    assert "ipex no: it is not installed" in text
    assert "triton no: runs on cuda, xpu, not on cpu" in text


def test_the_worst_comes_first_and_what_to_do_stands_below_it(capsys):
    found = [ok("a", "fine"), warn("b", "odd", "may mislead", "look"), bad("c", "broken", "x", "y")]
    text = printed(capsys, draw_findings(found, checked=True))
    assert text.index("c: broken") < text.index("b: odd") < text.index("a: fine")
    assert "may mislead -> look" in text
    assert "cannot be trusted" in text
