"""The schemas that adapters were written for are those inside the vendors' published wheels.

The libraries are read as bytes, never loaded: they need a card, and another torch.
"""

import re

import pytest
import torch

from truetpot.facts.vendor_ops import libraries, schemas

WHEELS = sorted({library.wheel for library in libraries()})


def library_of(wheel, file):
    """The bytes of a shared library of the wheel."""
    (name,) = (n for n in wheel.namelist() if n.split(".")[0] == file and n.endswith(".so"))
    return wheel.read(name)


def schema_in(binary, operator):
    """The text of an operator's schema, as a library registers it; None where it has none."""
    found = re.search(rb"\x00(%s\([^\x00]*\) *-> *[^\x00]+)\x00" % operator.encode(), binary)
    return None if found is None else " ".join(found[1].decode().split())


def plain(schema):
    """Arguments one by one: name, type, default, whether it is written to; then what returns."""
    arguments = [
        (a.name, str(a.type), a.default_value, a.alias_info is not None) for a in schema.arguments
    ]
    return arguments, [str(value.type) for value in schema.returns]


@pytest.mark.vendors
@pytest.mark.parametrize("name", WHEELS)
def test_every_schema_is_the_wheels_own_argument_by_argument(vendor_wheel, name):
    compared = 0
    with vendor_wheel(name) as wheel:
        for library in (one for one in libraries() if one.wheel == name):
            binary = library_of(wheel, library.file)
            for ours in library.schemas:
                operator = ours.partition("(")[0]
                theirs = schema_in(binary, operator)
                assert theirs is not None, f"{library.file} of {name} has no {operator}"
                parse = torch._C.parse_schema
                assert plain(parse(ours)) == plain(parse(theirs)), operator
                compared += 1
    assert compared == sum(len(one.schemas) for one in libraries() if one.wheel == name) > 0


@pytest.mark.vendors
def test_the_stable_wheel_has_no_product_for_torch_fp8(vendor_wheel):
    with vendor_wheel("bigdl-core-xe-all==2.6.0") as wheel:
        assert schema_in(library_of(wheel, "xe_linear"), "run_linear_fp8") is None


@pytest.mark.vendors
@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("bigdl-core-xe-all==2.6.0", b"IPEX_LLM_FORCE_BATCH_FORWARD_BMG\0"),
        ("bigdl-core-xe-all==2.7.0b20251026", b"IPEX_LLM_FORCE_BATCH_FORWARD\0"),
    ],
)
def test_the_variable_that_forces_is_read_by_the_binary(vendor_wheel, name, variable):
    with vendor_wheel(name) as wheel:
        assert variable in library_of(wheel, "xe_batch")


def test_one_operator_may_have_two_schemas():
    assert len(schemas("ipex_llm", "sdp")) == 2
    assert len(schemas("ipex_llm", "rms_norm")) == 1
    assert schemas("ipex_llm", "none_such") == ()
