# Querydeck: `make run` starts the product, `make test` proves it. Both set up what they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= $(shell nproc 2>/dev/null || echo 2)
# A lock names the whole closure: nothing outside it is ever resolved (see docs/decisions.md).
PIP_INSTALL := -m pip --disable-pip-version-check install --quiet --require-hashes --no-deps
PIP_CHECK := -m pip --disable-pip-version-check check
TEST := DJANGO_SETTINGS_MODULE=tests.settings
# What touches the database, run again on PostgreSQL with the Redis broker.
PURE := tests/dataprime tests/results tests/exports/formats tests/providers tests/sandbox
DATABASE_URL_TEST ?= postgres://postgres@127.0.0.1:5432/test
REDIS_URL_TEST ?= redis://127.0.0.1:6379/0

.DEFAULT_GOAL := help
.PHONY: help run test test-quick test-failed test-postgres check bench format lock clean

help:  ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Querydeck needs Python 3.11 or newer; say make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); echo "Python cannot make virtual environments here (on Debian: apt install python3-venv)"; exit 1; }

$(VENV)/.base: requirements/base.txt | $(VENV)/bin/python
	@echo "Installing Querydeck's dependencies (once) ..."
	@$(BIN)/python $(PIP_INSTALL) -r requirements/base.txt
	@$(BIN)/python $(PIP_CHECK) >/dev/null || { $(BIN)/python $(PIP_CHECK); exit 1; }
	@touch $@

$(VENV)/.dev: requirements/dev.txt | $(VENV)/bin/python
	@echo "Installing the development tools (once) ..."
	@$(BIN)/python $(PIP_INSTALL) -r requirements/dev.txt
	@$(BIN)/python $(PIP_CHECK) >/dev/null || { $(BIN)/python $(PIP_CHECK); exit 1; }
	@touch $@ $(VENV)/.base

run: $(VENV)/.base  ## Set up what is missing and start the product
	@$(BIN)/python -m dashboard.secrets
	@exec $(BIN)/python manage.py up $(ARGS)

test: $(VENV)/.dev  ## Run every test, with branch coverage
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --cov --cov-report=term:skip-covered $(ARGS)

test-quick: $(VENV)/.dev  ## Run the tests that take no browser and no patience
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not slow and not browser" $(ARGS)

test-failed: $(VENV)/.dev  ## Run the tests that failed last time
	@$(BIN)/python -m pytest --last-failed --last-failed-no-failures none $(ARGS)

test-postgres: $(VENV)/.dev  ## Run the tests that touch the database on PostgreSQL and Redis
	@DATABASE_URL=$(DATABASE_URL_TEST) REDIS_URL=$(REDIS_URL_TEST) QUERYDECK_BROKER=redis \
	  $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not browser" tests \
	  $(addprefix --ignore=,$(PURE)) $(ARGS)

check: $(VENV)/.dev  ## Everything that can be found without running the product
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(TEST) $(BIN)/python manage.py makemigrations --check --dry-run
	@$(BIN)/python -m dashboard.secrets
	@QUERYDECK_ALLOWED_HOSTS=querydeck.example.com $(BIN)/python manage.py check --deploy --fail-level WARNING
	@$(BIN)/djade --target-version 5.2 --check $$(git ls-files 'templates/*.html')

$(VENV)-bench/.ready: requirements/bench.txt | $(VENV)/bin/python
	@echo "Installing the peers to measure against (once) ..."
	@$(PYTHON) -m venv $(VENV)-bench
	@$(VENV)-bench/bin/python $(PIP_INSTALL) -r requirements/bench.txt
	@$(VENV)-bench/bin/python $(PIP_CHECK) >/dev/null || { $(VENV)-bench/bin/python $(PIP_CHECK); exit 1; }
	@touch $@

bench: $(VENV)/.dev $(VENV)-bench/.ready  ## Measure beside the peers and print one table (takes about 20 minutes)
	@$(BIN)/python -m tests.benchmarks $(ARGS)

format: $(VENV)/.dev  ## Put code and templates in order
	@$(BIN)/ruff check --fix --exit-zero .
	@$(BIN)/ruff format .
	@$(BIN)/djade --target-version 5.2 $$(git ls-files 'templates/*.html') || true

lock: $(VENV)/.dev  ## Pin the dependencies of pyproject.toml anew (needs uv)
	@uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --quiet --output-file requirements/base.txt
	@uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --quiet -c requirements/base.txt --output-file requirements/dev.txt
	@uv pip compile --group pyproject.toml:bench --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --quiet --output-file requirements/bench.txt

clean:  ## Remove what can be made again (keeps var/: your data and secrets)
	@rm -rf $(VENV) $(VENV)-bench staticfiles .mypy_cache .ruff_cache .pytest_cache .coverage* htmlcov
