# Fitly's verbs. `make run` and `make test` need nothing but Python 3.11 or newer and, the first time, a network.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
STAMP := .venv/.installed
PYTEST := $(BIN)/python -m pytest

# The newest interpreter that is new enough and can make environments (Debian ships that apart); PYTHON=… overrides. Each is asked, since a
# name on the path may be a shim without a Python behind it.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
CANDIDATES = $(or $(PYTHON),python3.13 python3.12 python3.11 python3 python)
FIND_PYTHON = for p in $(CANDIDATES); do if "$$p" -c 'import ensurepip, venv; $(NEW_ENOUGH)' >/dev/null 2>&1; then echo "$$p"; exit 0; fi; done; \
	for p in $(CANDIDATES); do if "$$p" -c '$(NEW_ENOUGH)' >/dev/null 2>&1; then \
	echo "Fitly needs the venv module of $$p ($$($$p --version)): install it (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 2; fi; done; \
	found=$$($(firstword $(PYTHON) python3) --version 2>/dev/null || echo "no Python"); \
	echo "Fitly needs Python 3.11 or newer, found $$found: install one, or name it with make PYTHON=/path/to/python3.12" >&2; exit 2

.PHONY: help run test check bench bench-statistics chaos compiled schemas lock venv lint types layers drift deploy coverage wheel forms

help:
	@echo 'make run      everything on this machine with simulated learners; Ctrl-C stops it'
	@echo 'make test     all tests, real Kafka and Postgres included'
	@echo 'make check    style, types, layers, generated and deployment files, wheels, coverage of core and wire'
	@echo 'make bench    the figures: throughput, restore, latency'
	@echo 'make bench-statistics  what the statistics are worth: figures from worlds whose truth is known'
	@echo 'make chaos    the long crash tests'
	@echo 'make compiled the fold as extension modules, into build/compiled (needs a C compiler)'
	@echo 'make schemas  write schemas/ and deploy/ anew from the code'
	@echo 'make lock     resolve the dependencies anew into the lock files'

# ------------------------------------------------------------ environment
venv: $(STAMP)

# uv comes from the lock as well: pip takes the version and the hashes from the constraints.
$(STAMP): requirements.lock pyproject.toml
	@python=$$($(FIND_PYTHON)); \
	if ! $(BIN)/python -c '$(NEW_ENOUGH)' >/dev/null 2>&1; then echo "creating .venv with $$($$python --version)"; "$$python" -m venv --clear .venv; fi
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r <(awk '/^uv==/ {on=1} on {print} on && !/\\$$/ {exit}' requirements.lock)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

# Two locks from one resolution: everything, and what the container needs.
UV_LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links pyproject.toml
lock: $(STAMP)
	$(UV_LOCK) --all-extras $(LOCK_FLAGS) -o requirements.lock
	$(UV_LOCK) --constraints requirements.lock -o requirements-runtime.lock

# ------------------------------------------------------------ the product
run: $(STAMP)
	exec $(BIN)/fitly up --ephemeral --simulate 20

# Most tests wait for a broker: three at a time fill two cores. A file stays with one process, and so with one broker.
test: $(STAMP)
	$(PYTEST) -m 'not long and not compiled' -n 3 --dist loadfile --no-loadscope-reorder

# The compiled form goes before the source: PYTHONPATH=build/compiled .venv/bin/fitly worker
COMPILED := $(CURDIR)/build/compiled
compiled: $(STAMP)
	$(BIN)/python tools/build_compiled.py $(COMPILED)

# Compiled where that is possible (status 3: no C compiler); the bench says which form it measured.
bench: $(STAMP)
	@$(BIN)/python tools/build_compiled.py $(COMPILED) && export PYTHONPATH=$(COMPILED) || [ $$? = 3 ]; \
	exec $(BIN)/python -m tests.bench $(ARGS)

bench-statistics: $(STAMP)
	@$(BIN)/python tools/build_compiled.py $(COMPILED) && export PYTHONPATH=$(COMPILED) || [ $$? = 3 ]; \
	status=0; $(BIN)/python -m tests.bench.statistics $(ARGS) || status=$$?; \
	$(BIN)/python -m tests.bench.experiments $(filter --write --quick,$(ARGS)) || status=$$?; exit $$status

chaos: $(STAMP)
	$(PYTEST) tests/chaos --timeout 3600 -v

schemas: $(STAMP)
	$(BIN)/python -m fitly.wire.schemas
	$(BIN)/python tools/deploy_files.py
	$(BIN)/python -m fitly.cli.docs

# ------------------------------------------------------------ what holds the house together
check: lint types layers drift deploy wheel coverage forms

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(STAMP)
	$(BIN)/mypy

layers: $(STAMP)
	$(BIN)/lint-imports

drift: $(STAMP)
	$(BIN)/python -m fitly.wire.schemas --check
	$(BIN)/python tools/deploy_files.py --check
	$(BIN)/python -m fitly.cli.docs --check

deploy: $(STAMP)
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	$(BIN)/kubernetes-validate --strict --quiet deploy/kubernetes/*.yaml
	$(BIN)/hadolint Dockerfile

wheel: $(STAMP)
	$(BIN)/python tools/built_wheel.py

# The pure half of the product, without broker or database: every branch, doctests included.
UNIT := $(wildcard tests/core tests/wire tests/properties) src/fitly/core src/fitly/wire
WITHOUT_WORLDS := $(addprefix --ignore=tests/properties/test_,gate.py odds.py)  # lived in `make test`; slow where each line is counted
coverage: $(STAMP)
	$(PYTEST) $(UNIT) $(WITHOUT_WORLDS) -q -n 2 --cov --cov-report=term-missing:skip-covered

# The same half on the compiled form, and the same bytes from both; skipped, and said so, where there is no C compiler.
forms: $(STAMP)
	$(PYTEST) tests/packaging -m compiled -q
