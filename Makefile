# The developer's menu. `make help` prints it.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
.DEFAULT_GOAL := help
# Tests and the bench start hundreds of processes: each would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

help: ## print this menu
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(VENV)/run: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	touch $@

$(VENV)/dev: requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@ $(VENV)/run

demo: $(VENV)/run ## the whole product in a few minutes, without QuickBooks or Mosaic
	@$(BIN)/python -m qbwc_server demo

test: $(VENV)/dev ## every test, on SQLite and PostgreSQL (where the database cannot matter, on one of them)
	$(BIN)/python -m pytest -n auto --dist worksteal -q

SOAK_MINUTES ?= 30
soak: $(VENV)/dev ## faults at random for 30 minutes, half on each database (SOAK_MINUTES=n SEED=n FAULT_REPORT=file), then 2,000 histories (HISTORIES=n), then each case on both databases, then fuzzing (FUZZ_MINUTES=n)
	FAULT_MINUTES=$(SOAK_MINUTES) SEED=$(or $(SEED),1) FAULT_REPORT=$(abspath $(or $(FAULT_REPORT),fault-report.md)) \
	  $(BIN)/python -m pytest tests/faults -q -s
	HISTORIES=$(or $(HISTORIES),2000) SEED=$(or $(SEED),1) $(BIN)/python -m pytest tests/agreement tests/delivery/test_histories.py -n auto -q
	EVERY_CASE=1 $(BIN)/python -m pytest -n auto -q -m in_turn
	FUZZ_MINUTES=$(or $(FUZZ_MINUTES),20) $(BIN)/python -m pytest tests/fuzz -n auto -q -rP -m soak

$(VENV)/bench: $(VENV)/dev bench/requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r bench/requirements.lock
	touch $@

bench: $(VENV)/bench ## measure everything (under 15 minutes) and write docs/performance.md
	$(BIN)/python -m bench

bench-quick: $(VENV)/bench ## measure the most important, under 2 minutes
	$(BIN)/python -m bench --quick

bench-one: $(VENV)/bench ## measure one figure alone and at length (FIGURE=drain, writes, memory, rate, freshness or fleet)
	$(BIN)/python -m bench --only $(FIGURE)

test-all: ## every test on Python 3.11, 3.12 and 3.13
	for v in 3.11 3.12 3.13; do $(MAKE) test PYTHON=python$$v VENV=.venv-$$v || exit 1; done

lint: $(VENV)/dev ## formatting, lint, types, import directions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(VENV)/audit: .ci/audit.lock
	$(PYTHON) -m venv $(VENV)/audit-tool
	$(VENV)/audit-tool/bin/pip install --quiet --disable-pip-version-check --require-hashes -r .ci/audit.lock
	touch $@

audit: $(VENV)/dev $(VENV)/audit ## known weaknesses of the locked dependencies; fails where nothing is known (WITHOUT_ADVISORIES=1: says so)
	$(BIN)/python .ci/audit.py $(VENV)/audit-tool/bin/pip-audit requirements.lock

format: $(VENV)/dev ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

errors: $(VENV)/dev ## write docs/errors.md from the table of words
	$(BIN)/python -m qbwc_server words > docs/errors.md

answers: $(VENV)/dev ## write the outputs in docs/support.md anew from what its queries and commands say
	$(BIN)/python -m tests.support.answers

lock: $(VENV)/dev ## resolve the dependencies anew, with hashes and without addresses
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	  --python-version 3.11 pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	  --python-version 3.11 pyproject.toml --group dev -o requirements-dev.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	  --python-version 3.11 .ci/audit.in -o .ci/audit.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	  --python-version 3.11 -c requirements-dev.lock bench/requirements.in -o bench/requirements.lock

# The first is docker compose 2, the second what Debian has.
COMPOSE ?= $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)

env: ## write .env for docker-compose.yml, with its own secrets, or add what one lacks (PUBLIC_URL=https://your.name)
	@PUBLIC_URL='$(PUBLIC_URL)' deploy/env

backup: ## the database of docker-compose.yml into a file (FILE=name.dump or a folder; else named by revision and moment)
	@COMPOSE='$(COMPOSE)' deploy/backup $(if $(FILE),'$(FILE)')

restore: ## the database of docker-compose.yml from such a file (FILE=name.dump), or from one that was in place before (DATABASE=name)
	@COMPOSE='$(COMPOSE)' deploy/restore $(if $(DATABASE),--from '$(DATABASE)','$(FILE)')

kept: ## the databases that a restore has taken out of their place
	@COMPOSE='$(COMPOSE)' deploy/restore --kept

drop-kept: ## one of these may go (DATABASE=name)
	@COMPOSE='$(COMPOSE)' deploy/restore --drop '$(DATABASE)'

release: ## tag what is committed as the version that the program names (CHANGELOG.md and docker-compose.yml must name it too)
	@deploy/release

docker-test: $(VENV)/dev ## docker-compose.yml for real, with the engine of DOCKER_HOST (DOCKER_TEST_LOG=file)
	DOCKER_TEST_LOG=$(abspath $(or $(DOCKER_TEST_LOG),docker-test.log)) \
	  $(BIN)/python -m pytest tests/docker -m docker -v -p no:randomly --durations=6

machines-test: $(VENV)/dev ## four machines of network namespaces, of which each is lost in turn, as root, ten minutes (MACHINES_TEST_LOG=file)
	$(BIN)/python -m pytest tests/machines -m docker -v -p no:randomly --durations=6

.PHONY: help demo bench bench-quick bench-one test soak test-all lint audit format errors answers lock env backup restore kept drop-kept release docker-test machines-test
