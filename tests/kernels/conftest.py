"""Stand-ins for vendors' native operators: the vendor's schema, our float64, torch's dispatcher."""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest
import torch

from truetpot.facts.vendor_ops import libraries


@pytest.fixture
def stand_in(monkeypatch):
    """Call it with a wheel and the operators' CPU implementations by name.

    Every operator of the wheel that adapters call gets its schema from vendor_ops.toml, and the
    wheel's modules can be imported: empty, but for the given attributes. ``changed`` has other
    schemas by name. It is not the vendor's kernel that then runs: nothing of this is ever timed.
    """
    from truetpot.kernels._lib.vendors import ipex_llm, native

    made = []

    def define(wheel, implementations, changed=None, **attributes):
        defined = set()
        for library in (one for one in libraries() if one.wheel == wheel):
            fragment = torch.library.Library(library.namespace, "FRAGMENT")
            made.append(fragment)
            for schema in library.schemas:
                name = schema.partition("(")[0]
                fragment.define((changed or {}).get(name, schema))
                if name in implementations:
                    fragment.impl(name, implementations[name], "CPU")
                    defined.add(name)
            stub(library.file.replace("/", "."), attributes)
        assert defined == set(implementations), "a stand-in for an operator the wheel has not"

    def stub(module, attributes):
        parts = module.split(".")
        for i in range(len(parts)):
            name = ".".join(parts[: i + 1])
            empty = ModuleType(name)
            empty.__spec__ = ModuleSpec(name, None, is_package=True)
            empty.__path__ = []
            vars(empty).update(attributes)
            monkeypatch.setitem(sys.modules, name, empty)

    def forget():
        for cached in (native.why_not, ipex_llm.family):
            cached.cache_clear()

    forget()
    yield define
    for fragment in made:
        fragment._destroy()
    forget()
