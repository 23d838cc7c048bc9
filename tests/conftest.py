"""The vendors' published wheels, for tests marked ``vendors``."""

import os
import zipfile

import pytest
from hypothesis import settings

from tools import vendor_wheels

# how long one example takes says what else the machine does, and nothing about the code
settings.register_profile("truetpot", deadline=None)
settings.load_profile("truetpot")

LIBRARIES = "ipex_llm/libs/"


def wheel(requirement):
    """The wheel's path; without it a skip, or a failure where ``make test-vendors`` runs."""
    path = vendor_wheels.find(requirement)
    if path is None:
        reason = f"no wheel of {requirement} in {vendor_wheels.FOLDER.name}/: run make test-vendors"
        (pytest.fail if os.environ.get("TRUETPOT_NEED_VENDORS") else pytest.skip)(reason)
    return path


@pytest.fixture(scope="session")
def vendor_wheel():
    """Opens the wheel of a release, such as ``ipex-llm==2.2.0``, as a ``zipfile.ZipFile``."""
    return lambda requirement: zipfile.ZipFile(wheel(requirement))


@pytest.fixture(scope="session")
def ipex_llm_libraries(tmp_path_factory):
    """The folder of the CPU libraries of ipex-llm 2.2.0, which have to lie in one to be opened."""
    folder = tmp_path_factory.mktemp("ipex-llm")
    with zipfile.ZipFile(wheel("ipex-llm==2.2.0")) as archive:
        archive.extractall(folder, [m for m in archive.namelist() if m.startswith(LIBRARIES)])
    return folder / LIBRARIES
