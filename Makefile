# Every target makes its own environment (.venv) from requirements/ the first time it is needed: hashes are compared.

PYTHON ?= python3
BIN := .venv/bin
QUIET := --quiet --disable-pip-version-check
# One thread a process: pytest runs two of them, and small tensors gain nothing from more. Each begins with its half, so
# that what a module's tests share is made once, and takes tests from the other when it is done. What is compiled is kept
# for the next process, whatever the environment says: hundreds of them are started.
TESTS := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist worksteal

.PHONY: demo test test-all coverage audit lint format fields docs

demo: .venv/installed
	$(BIN)/semivox demo --out demo

test: lint
	$(TESTS)

test-all: lint audit
	$(TESTS) -m "slow or not slow"

# Which lines and branches the tests reach, in all processes that they start; fails below fail_under in pyproject.toml.
coverage: .venv/installed
	$(TESTS) --cov --cov-report=term:skip-covered --cov-report=html:build/coverage

# Known vulnerabilities of the locked versions. Says so, and does not fail, where no advisory service can be reached.
audit: .venv-audit/installed
	.venv-audit/bin/python requirements/audit.py

# The documentation as a site, in build/site. Links that lead nowhere end it.
docs: .venv-docs/installed
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --quiet

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyrefly check --python-interpreter-path $(BIN)/python
	$(BIN)/lint-imports

# What can be set of each method, read once, so that semivox methods NAME need not load torch.
fields: .venv/installed
	$(BIN)/python -m semivox.methods.fields

format: .venv/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv/installed: requirements/lock.txt requirements/torch.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install $(QUIET) --require-hashes --no-deps -r requirements/lock.txt
	$(BIN)/python -m pip install $(QUIET) -r requirements/torch.txt
	$(BIN)/python -m pip install $(QUIET) --no-deps --no-build-isolation --editable .
	touch $@

.venv-audit/installed: requirements/audit.txt
	test -x .venv-audit/bin/python || $(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip install $(QUIET) --require-hashes --no-deps -r requirements/audit.txt
	touch $@

.venv-docs/installed: requirements/docs.txt
	test -x .venv-docs/bin/python || $(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python -m pip install $(QUIET) --require-hashes --no-deps -r requirements/docs.txt
	touch $@
