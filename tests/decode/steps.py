"""A decode step by names of providers."""

from truetpot.decode.engine import DecodeStep
from truetpot.decode.preference import Preference
from truetpot.decode.selected import select_step


def step_of(model, shape, device, providers, weights, **options):
    """The step whose kernels are those of the first provider that has each."""
    names = [providers] if isinstance(providers, str) else providers
    selected = select_step(model, shape, Preference(names, device))
    return DecodeStep(selected, weights, **options)
