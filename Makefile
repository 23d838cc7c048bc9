# make decode   the main job: one whole single-token decode, timed; ARGS="--context 5120" goes to it
# make test     lint, then the tests, in parallel, with the grids reduced: every code path, few times
# make test-all the same, then the rest of the grids
# make test-isa the OpenCL kernels' machine code; fails without ocloc
# make test-opencl  the OpenCL kernels on the CPU, by Intel's runtime from PyPI and by PoCL, which the
#               system has to have (apt install pocl-opencl-icd); fails where one is missing
# make test-drive    loads on a real server, transformers serve, by AIPerf, which it installs into
#               .venv-drive: it wants another rich than the rest
# make test-llama    the same on llama.cpp's server, which it builds in .llama from the source that PyPI
#               has: needs cmake and a C++ compiler, and minutes
# make test-ipex     the ipex provider's kernels on the CPU, in .venv-ipex, with the torch that IPEX
#               wants: gigabytes where PyTorch's own index cannot be reached
# make test-vendors  the tests that read vendors' wheels, which it fetches from PyPI (75 MB)
# make test-browser  every kind of report, and ASV's pages, in a headless Chromium, which the system has
#               to have, and npm (apt install chromium npm); installs playwright; fails where one is missing
# make pictures the charts and pictures of README.md and docs, from records in tests/data; needs the same
# make lint     ruff, mypy, and the downward imports, side by side
# make changelog  the next section of CHANGELOG.md, as changelog.d/ has it
# make bench    every ASV benchmark once, small shapes, nothing saved: do they still run?
# make publish  the pages of the ASV results here, whole: nothing is loaded from elsewhere; needs npm;
#               ARGS=--serve shows them on this machine
# make venv     only the environment, with what developers need
# make clean    remove the environments and what was built; ASV results stay
#
# Where torch comes from:
#
#   (nothing)      .venv, with the versions of constraints.txt. On Linux x86 PyPI's torch is the CUDA
#                  one: it runs on CPU and NVIDIA, and brings gigabytes of CUDA libraries with it.
#   TORCH=xpu      .venv-xpu, with the newest torch for Intel GPUs. On an Arc machine use this one:
#                  the default torch does not see the card.
#   TORCH=cpu      .venv-cpu, with the newest torch for CPU: a tenth of the download.
#   TORCH=cuda     .venv-cuda, from PyTorch's index for CUDA=cu130, or the one you name.
#   PYTHON=path    that environment, as it is: this package is added to it, nothing else is changed.

PYTHON3 ?= python3
CUDA ?= cu130
OCLOC ?= ocloc
SETUP := setup.py pyproject.toml constraints.txt

ifdef PYTHON
  PY := $(PYTHON)
  RUN := use-env
  DEV := use-env-dev
  OPENCL := use-env-opencl
  DRIVE := use-env-drive
  BROWSER := use-env-browser
  ifdef TORCH
    $(error PYTHON=$(PYTHON) is used as it is, with its own torch: leave out TORCH=$(TORCH))
  endif
else
  VENV := .venv$(addprefix -,$(TORCH))
  PY := $(VENV)/bin/python
  RUN := $(VENV)/.installed
  DEV := $(VENV)/.installed-dev
  OPENCL := $(VENV)/.installed-opencl
  DRIVE := $(VENV)/.installed-drive
  BROWSER := $(VENV)/.installed-browser
  ifneq ($(filter-out xpu cpu cuda,$(TORCH)),)
    $(error TORCH=$(TORCH) is not known: it is xpu, cpu or cuda)
  endif
endif

# Tests that a target of their own selects, because of what they need.
OWN := isa or opencl or vendors or ipex or browser or drive or llama

.PHONY: decode test test-all test-rest test-isa test-ipex test-vendors test-opencl test-browser
.PHONY: test-drive test-llama lint lint-ruff lint-mypy lint-imports changelog pictures bench publish
.PHONY: venv clean use-env use-env-dev use-env-opencl use-env-browser use-env-drive

decode: $(RUN)
	$(PY) -m truetpot decode $(ARGS)

test: lint
	$(PY) tools/run_tests.py 'not (exhaustive or $(OWN))' $(ARGS)

test-all: test test-rest

# what test-all adds to test
test-rest: $(DEV)
	$(PY) tools/run_tests.py 'exhaustive and not ($(OWN))' $(ARGS)

test-isa: $(DEV)
	TRUETPOT_OCLOC='$(OCLOC)' $(PY) tools/run_tests.py isa --naming isa $(ARGS)

test-opencl: $(OPENCL)
	TRUETPOT_NEED_OPENCL=1 $(PY) tools/run_tests.py opencl --naming opencl $(ARGS)

test-browser: $(BROWSER)
	TRUETPOT_NEED_BROWSER=1 $(PY) tools/run_tests.py browser --naming browser $(ARGS)

pictures: $(BROWSER)
	$(PY) -m tools.pictures

test-ipex: .venv-ipex/.installed
	TRUETPOT_NEED_IPEX=1 .venv-ipex/bin/python -m pytest -q -m ipex --durations=15 $(or $(ARGS),tests/kernels/test_ipex.py)

# The engine's folder comes last: it has a python of its own.
test-drive: $(DRIVE) .venv-drive/.installed
	TRUETPOT_NEED_DRIVE=1 PATH="$$PATH:$(CURDIR)/.venv-drive/bin" $(PY) tools/run_tests.py drive --naming drive $(ARGS)

test-llama: $(DRIVE) .venv-drive/.installed
	$(PY) tools/llama_server.py
	TRUETPOT_NEED_LLAMA=1 TRUETPOT_NEED_DRIVE=1 PATH="$$PATH:$(CURDIR)/.venv-drive/bin:$(CURDIR)/.llama/bin" \
	  $(PY) tools/run_tests.py llama --naming llama $(ARGS)

test-vendors: $(DEV)
	$(PY) tools/vendor_wheels.py
	TRUETPOT_NEED_VENDORS=1 $(PY) tools/run_tests.py vendors --naming vendors $(ARGS)

lint: $(DEV)
	@$(MAKE) --no-print-directory -j3 --output-sync lint-ruff lint-mypy lint-imports

lint-ruff:
	$(PY) -m ruff check .

lint-mypy:
	$(PY) tools/as_installed.py mypy

lint-imports:
	$(PY) tools/as_installed.py lint-imports --no-cache --no-logo

changelog: $(DEV)
	$(PY) -m towncrier build --draft --version next

bench: $(DEV)
	$(PY) -m benchmarks once $(ARGS)

publish: $(DEV)
	$(PY) -m benchmarks publish $(ARGS)

venv: $(DEV)

clean:
	rm -rf .venv .venv-* .llama .asv/env .asv/html build src/*.egg-info .lint-*
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

# IPEX 2.8 runs with torch 2.8 only. PyTorch's index has that for CPU; PyPI's brings CUDA along.
.venv-ipex/.installed: IPEX := .venv-ipex/bin/python -m pip install
.venv-ipex/.installed: $(SETUP)
	$(PYTHON3) -m venv .venv-ipex
	grep -v -e '^torch==' -e '^triton==' constraints.txt > .venv-ipex/constraints.txt
	$(IPEX) --retries 0 --no-deps --index-url https://download.pytorch.org/whl/cpu torch==2.8.0 \
	  || echo 'PyTorch is not to be reached: its torch for CPU gives way to the one of PyPI' >&2
	$(IPEX) -c .venv-ipex/constraints.txt torch==2.8.0 intel-extension-for-pytorch==2.8.0
	$(IPEX) -c .venv-ipex/constraints.txt -e . hypothesis pytest
	touch $@

.venv-drive/.installed: pyproject.toml
	$(PYTHON3) -m venv .venv-drive
	.venv-drive/bin/python -m pip install $$(grep -o 'aiperf==[0-9.]*' pyproject.toml)
	touch $@

use-env:
	@$(PY) tools/use_env.py torch

use-env-dev:
	@$(PY) tools/use_env.py dev

use-env-opencl:
	@$(PY) tools/use_env.py dev opencl

use-env-browser:
	@$(PY) tools/use_env.py dev browser

use-env-drive:
	@$(PY) tools/use_env.py dev server

ifndef PYTHON

$(PY):
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
	  'truetpot needs Python 3.11 or newer: name one with PYTHON3=/path/to/python3' >&2; exit 2; }
	@$(PYTHON3) -c 'import ensurepip' 2>/dev/null || { echo \
	  '$(PYTHON3) cannot make virtual environments: on Debian or Ubuntu, apt install python3-venv' >&2; exit 2; }
	$(PYTHON3) -m venv $(VENV)

ifdef TORCH
# torch first and alone, from an index that has little else; then the rest, which leaves it be.
# That index numbers its own releases, so here torch is not pinned.
CONSTRAINTS := $(VENV)/constraints.txt
$(CONSTRAINTS): $(SETUP) | $(PY)
	$(PY) -m pip install 'torch>=2.6' --index-url https://download.pytorch.org/whl/$(TORCH:cuda=$(CUDA))
	grep -v '^torch==' constraints.txt > $@
else
CONSTRAINTS := constraints.txt
endif

# Stamps: this environment holds what the setup files ask for.
$(RUN): $(SETUP) $(CONSTRAINTS) | $(PY)
	$(PY) -m pip install -c $(CONSTRAINTS) -e '.[torch]'
	touch $@

$(DEV): $(SETUP) $(CONSTRAINTS) | $(PY)
	$(PY) -m pip install -c $(CONSTRAINTS) -e '.[dev]'
	touch $(RUN) $@

$(OPENCL): $(DEV)
	$(PY) -m pip install -c $(CONSTRAINTS) -e '.[dev,opencl]'
	touch $@

$(BROWSER): $(DEV)
	$(PY) -m pip install -c $(CONSTRAINTS) -e '.[dev,browser]'
	touch $@

$(DRIVE): $(DEV)
	$(PY) -m pip install -c $(CONSTRAINTS) -e '.[dev,server]'
	touch $@

endif
