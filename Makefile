# Everything that is done with the project, by one word each. A bare machine needs Python >= 3.11, git and make.

PYTHON ?= python3
TESTERS ?= 3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
BENCH_VENV := .venv-bench
BENCH_READY := $(BENCH_VENV)/ready
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help

help: ## Say what can be made.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Make the virtual environment from the lock file.

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Headrace needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(READY)

demo: $(READY) ## Play 30 days of a sample shop, print its report and serve it until Ctrl-C.
	$(BIN)/headrace demo $(DEMO)

test: $(READY) ## Run every test with reduced counts, in TESTERS processes.
	$(BIN)/pytest -q -n $(TESTERS)

soak: $(READY) ## Run the tests that kill, churn and try examples with their full counts.
	$(BIN)/pytest -q -s -m soak --timeout 3600 --override-ini 'addopts='
	$(BIN)/pytest -q tests/properties --hypothesis-profile soak --timeout 3600

check: $(READY) ## Lint, check types, layers and the length of files.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/choices.py --check
	$(BIN)/python scripts/dst_page.py --check
	$(BIN)/python scripts/coverage.py --check
	$(BIN)/python scripts/operation_coverage.py --check
	$(BIN)/python scripts/reference.py --check
	$(BIN)/pytest -q tests/unit/test_project.py

bench: $(READY) ## Measure, each figure as a ratio to a baseline of the same run.
	$(BIN)/python -m benchmarks

bench-full: $(READY) bench-dbos ## The same with the full sizes and more rounds, and DBOS beside it.
	$(BIN)/python -m benchmarks --full

bench-dbos: $(BENCH_READY) ## Install what the benchmarks run beside Headrace, apart from it.

$(BENCH_READY): requirements-bench.lock
	$(PYTHON) -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/python -m pip install --quiet --require-hashes --requirement requirements-bench.lock
	@touch $(BENCH_READY)

docs: $(READY) ## Make the generated pages anew.
	$(BIN)/python scripts/choices.py
	$(BIN)/python scripts/dst_page.py
	$(BIN)/python scripts/coverage.py
	$(BIN)/python scripts/operation_coverage.py
	$(BIN)/python scripts/reference.py

lock: $(READY) ## Work the lock file out anew from pyproject.toml.
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra dev --generate-hashes --universal --no-emit-index-url --no-header \
		--quiet --output-file requirements.lock
	$(BIN)/uv pip compile --group bench --generate-hashes --universal --no-emit-index-url --no-header \
		--quiet --output-file requirements-bench.lock

clean: ## Remove the virtual environment and caches.
	rm -rf $(VENV) $(BENCH_VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.PHONY: help setup demo test soak check bench bench-full bench-dbos docs lock clean
