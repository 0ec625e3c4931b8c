# The jobs of this repository. `make` lists them; every job sets up .venv first if it has to.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.locked
COMPILE := $(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
	--custom-compile-command "make lock" --quiet

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-minimum lint bench evidence docs lock clean

help: ## list the jobs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMP) ## train, compare with the theory, write a report to demo-out/
	$(BIN)/methexis verify --out demo-out --force

test: $(STAMP) ## run the tests and the examples in the docstrings
	$(BIN)/python -m pytest

test-minimum: VENV := build/minimum
test-minimum: ## run the tests with the oldest supported versions, in build/minimum
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --requirement requirements/minimum.txt
	$(VENV)/bin/python -m pip install --quiet --no-deps --editable .
	$(VENV)/bin/python -m pytest

lint: $(STAMP) ## check style, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP) ## time the reference engine
	$(BIN)/python -m benchmarks.engine

evidence: $(STAMP) ## run the full experiments behind the documented numbers
	$(BIN)/python -m evidence.run

docs: $(STAMP) ## render tables from the evidence, and output and picture of the demo
	$(BIN)/python -m evidence.render
	$(BIN)/python -m evidence.demo

lock: $(STAMP) ## resolve the development and the minimum versions anew
	$(COMPILE) --upgrade --fork-strategy fewest --output-file requirements/dev.lock
	$(COMPILE) --upgrade --resolution lowest-direct --output-file requirements/minimum.txt

clean: ## delete what the jobs made, the environments included
	rm -rf $(VENV) build dist demo-out .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): requirements/dev.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements/dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@
