# Every target sets up what it needs: a fresh machine wants only git, make and Python 3.11+ with venv.
# Recipes call the tools of .venv, never those of the machine.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo up incident test faults fuzz bench bench-quick check format format-check lint types imports docs pictures docs-check wheel constraints clean

BIN := .venv/bin
READY := .venv/.ready
READY_BENCH := .venv/.ready-bench
# Tests wait for more than half of their time: twice as many processes as a small machine has processors.
PYTEST_ARGS ?= -n 4 --dist worksteal
ARGS ?=
MINUTES ?= 10

# uv trusts the certificates that the machine trusts, as pip does: a company's proxy is no obstacle.
export UV_SYSTEM_CERTS := 1

# Images with Python often set this. Without compiled files each process of Python starts in three times the time.
unexport PYTHONDONTWRITEBYTECODE

# The newest Python that fits and can make environments (Debian ships venv as a package of its own).
# Each candidate is run, since a version manager's stand-in may exist without its Python.
FITS := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
FIND_PYTHON = for python in python3.14 python3.13 python3.12 python3.11 python3; do \
	if $$python -c '$(FITS)' >/dev/null 2>&1; then echo $$python; break; fi; done
NO_PYTHON := Signoff needs Python 3.11, 3.12, 3.13 or 3.14 with its venv module, and none was found \
	as python3.14 ... python3.11 or python3. Install one (Debian, Ubuntu: python3 and python3-venv).

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Create .venv with everything in it (the other targets do this by themselves)

$(READY): pyproject.toml constraints.txt
	@python=$$($(FIND_PYTHON)); \
	if [ ! -x $(BIN)/python ]; then \
		if [ -z "$$python" ]; then echo "$(NO_PYTHON)" >&2; exit 1; fi; \
		echo "Creating .venv with $$($$python --version)"; \
		$$python -m venv .venv; \
	fi
	@[ -x $(BIN)/uv ] || $(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
	@echo "Installing Signoff and what it needs into .venv" >&2
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -b constraints.txt -e '.[all]' --group dev
	@touch $@

demo: $(READY) ## Show every step of 2,000 approvals, on its own servers
	@$(BIN)/signoff demo $(ARGS)

up: $(READY) ## Run Redis, Postgres, a worker and the web service in the foreground (Ctrl-C stops them)
	@$(BIN)/signoff up $(ARGS)

incident: $(READY) ## Run an incident to practise on: SEED=1, ARGS='--check' or '--solution' to look at it
	@$(BIN)/python scripts/incident.py $(or $(SEED),1) $(ARGS)

test: $(READY) ## Run the tests (PYTEST_ARGS='-n 4 --dist worksteal' by default)
	@$(BIN)/pytest $(PYTEST_ARGS)

faults: $(READY) ## Break everything for MINUTES=10, SEED= any; the long part of tests/faults
	@PYTHONPATH=tests:tests/support $(BIN)/python -m faults --minutes $(MINUTES) \
		$(if $(SEED),--seed $(SEED)) $(ARGS)

fuzz: $(READY) ## Put hostile content into Redis for MINUTES=10, SEED= any; make check runs some seconds of it
	@FUZZ_SECONDS=$$(($(MINUTES) * 60)) FUZZ_SEED=$(SEED) $(BIN)/pytest -q -s tests/fuzz

check: format-check lint types imports docs-check wheel test ## Everything that CI runs

format: $(READY) ## Format the code and fix what ruff can fix
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

format-check: $(READY) ## Fail where the code is not formatted
	@$(BIN)/ruff format --check .

lint: $(READY) ## Run ruff with every rule on
	@$(BIN)/ruff check .

types: $(READY) ## Run mypy, strict
	@$(BIN)/mypy
	@$(BIN)/mypy tests scripts examples
	@MYPYPATH=bench $(BIN)/mypy bench

imports: $(READY) ## Check the arrows of import between the packages
	@$(BIN)/lint-imports

docs: $(READY) ## Write docs/python-api.md from the docstrings and web/openapi.json from the routes
	@$(BIN)/python scripts/make_api_reference.py
	@$(BIN)/python scripts/make_openapi.py

pictures: $(READY) ## Make the pictures in docs/images (needs Chromium)
	@PYTHONPATH=tests:tests/support $(BIN)/python scripts/make_pictures.py

docs-check: $(READY) ## Fail where these two are not current
	@$(BIN)/python scripts/make_api_reference.py --check
	@$(BIN)/python scripts/make_openapi.py --check

wheel: $(READY) ## Build the wheel and use it without extras in a throw-away environment
	@$(BIN)/python scripts/check_wheel.py

$(READY_BENCH): $(READY)
	@echo "Installing the queues that Signoff is measured beside" >&2
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt --group bench
	@touch $@

bench: $(READY_BENCH) ## Measure everything, beside what it is compared with (about 35 minutes)
	@$(BIN)/python bench $(ARGS)

bench-quick: $(READY_BENCH) ## The same with fewer events, rounds and rivals, without scale (under 2 minutes)
	@$(BIN)/python bench --quick $(ARGS)

constraints: $(READY) ## Pin the newest versions that pyproject.toml allows in constraints.txt
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras --group dev \
		--group bench --no-header --no-emit-index-url --no-emit-find-links --output-file constraints.txt pyproject.toml

clean: ## Remove the environment, builds and caches (keeps .signoff, which holds data)
	rm -rf .venv dist build .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
