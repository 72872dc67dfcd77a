# Every target makes its own environment (.venv) from requirements/lock.txt the first time it is needed.

PYTHON ?= python3
BIN := .venv/bin
# One thread a process: pytest runs two of them, and small tensors gain nothing from more.
TESTS := OMP_NUM_THREADS=1 $(BIN)/pytest -n 2

.PHONY: demo test test-all lint format

demo: .venv/installed
	$(BIN)/semivox demo --out demo

test: lint
	$(TESTS)

test-all: lint
	$(TESTS) -m "slow or not slow"

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv/installed: requirements/lock.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/lock.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@
