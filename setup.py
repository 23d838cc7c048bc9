"""What pyproject.toml cannot say: kernels/ is installed as truetpot.kernels."""

from setuptools import find_packages, setup

# Found, not listed: a new kernels/<op>/ folder needs no edit here.
kernels = ["truetpot.kernels", *(f"truetpot.kernels.{name}" for name in find_packages("kernels"))]

setup(
    packages=[*find_packages("src"), *kernels],
    package_dir={"": "src", "truetpot.kernels": "kernels"},
    package_data={
        "": ["*.toml", "*.cl", "*.clh", "py.typed"],
        "truetpot": ["tuned/*.toml"],
        "truetpot.report.html": ["*.css", "*.jinja", "*.js"],
        "truetpot.kernels._lib.opencl": ["include/*.clh"],
        "truetpot.serving.prompts": ["corpus/*/*.txt"],
    },
)
