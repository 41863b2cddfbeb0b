.DEFAULT_GOAL := help
.PHONY: help reports test lab check bench lock clean

# The first Python from this list that is 3.11 or later and can make a virtual environment.
CANDIDATES ?= python3 python3.13 python3.12 python3.11 python3.14 python
PYTHON ?= $(shell for p in $(CANDIDATES); do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { command -v $$p; break; }; done)

VENV := .venv
BIN := $(VENV)/bin
# The stamp's name holds the lock's content and this folder: a new lock or a moved folder installs anew.
READY := $(VENV)/.ready-$(shell { pwd; cat requirements.lock; } | cksum | cut -d' ' -f1)

help: ## show what make can do
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

reports: $(READY) ## build the data, run every notebook, write reports/index.html
	@$(BIN)/python -m analysis build
	@$(BIN)/python -m analysis run

test: $(READY) ## run the tests
	@$(BIN)/python -m pytest

lab: $(READY) ## open the notebooks in JupyterLab
	@$(BIN)/python -m analysis build
	@$(BIN)/jupyter lab notebooks

check: $(READY) ## lint, types, layers, clean notebooks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/nbstripout --verify notebooks/*.ipynb

bench: $(READY) ## run the benchmarks (ratios, not times)
	@for b in benchmarks/*.py; do $(BIN)/python $$b || exit 1; done

lock: $(READY) ## write requirements.lock anew from pyproject.toml
	@$(BIN)/python -m pip install -q uv
	@$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --upgrade --custom-compile-command "make lock" -q -o requirements.lock

clean: ## remove what is made again by itself, and name what stays
	@test -x $(BIN)/python || { echo "Nothing is installed in $(VENV); make reports sets it up."; exit 1; }
	@$(BIN)/python -B -m analysis clean

$(READY):
	@test -n "$(PYTHON)" || { \
		echo "lianjian needs Python 3.11 or later with the venv module; none of these has it: $(CANDIDATES)."; \
		echo "On Debian or Ubuntu: apt-get install python3 python3-venv. Or name one: make PYTHON=/path/to/python3.12"; \
		exit 1; }
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "$(PYTHON) is no Python 3.11 or later with the venv module; nothing was changed."; exit 1; }
	@echo "Installing the locked packages into $(VENV) (once; about two minutes)"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
