"""An installed truetpot has its kernels and its data, whichever way it was installed."""

from pathlib import Path

import pytest


def plant(checkout, operator):
    """Add a kernel as a user does: files in kernels/, and no edit anywhere."""
    folder = checkout / "kernels" / operator
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "provider.py").write_text("HERE = __file__\n")
    (folder / "source.cl").write_text("kernel void nothing() {}\n")


def find(operator):
    """The program that prints where the planted kernel is, if its source is beside it."""
    return f"""if True:
        from importlib.resources import files
        from truetpot.kernels.{operator}.provider import HERE
        assert files("truetpot.kernels.{operator}").joinpath("source.cl").read_text()
        print(HERE)
    """


@pytest.mark.parametrize("editable", [False, True], ids=["wheel", "editable"])
def test_kernels_and_data_are_installed(checkout, environment, run, editable):
    plant(checkout, "planted")
    option = ["--editable"] if editable else []
    done = run(environment, "-m", "pip", "install", "--no-deps", *option, checkout)
    assert done.returncode == 0, done.stderr

    done = run(environment, "-c", find("planted"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(checkout)) == editable

    done = run(environment, "-c", "import truetpot; print(truetpot.__file__)")
    package = Path(done.stdout.strip()).parent
    source = checkout / "src" / "truetpot"
    files = {path.relative_to(source) for path in source.rglob("*") if path.is_file()}
    assert files
    assert [file for file in sorted(files) if not (package / file).is_file()] == []

    if editable:
        plant(checkout, "planted_later")
        done = run(environment, "-c", find("planted_later"))
        assert done.returncode == 0, done.stderr

    for command in ([environment, "-m", "truetpot"], [environment.with_name("truetpot")]):
        done = run(*command, "--help")
        assert done.returncode == 0, done.stderr
        assert "decode" in done.stdout
