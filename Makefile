.DEFAULT_GOAL := help
.PHONY: help reports test lab pdf cluster docs check bench setup lock clean

# The first Python from this list that is 3.11 or later and can make a virtual environment.
CANDIDATES ?= python3 python3.13 python3.12 python3.11 python3.14 python
PYTHON ?= $(shell for p in $(CANDIDATES); do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { command -v $$p; break; }; done)

VENV := .venv
BIN := $(VENV)/bin
# A stamp's name holds the content of a group's lock and this folder: a new lock or a moved folder
# installs anew.
ready = $(VENV)/.ready-$(1)-$(shell { pwd; cat locks/$(1).txt; } | cksum | cut -d' ' -f1)
GROUPS := $(filter-out installer,$(basename $(notdir $(wildcard locks/*.txt))))
STAMPS := $(foreach group,$(GROUPS),$(call ready,$(group)))
installed = $(filter $(VENV)/.ready-$(1)-%,$(STAMPS))
GROUP ?= core
# What Python compiles of the packages is kept in .venv; without that each start takes seven seconds more.
unexport PYTHONDONTWRITEBYTECODE

help: ## show what make can do
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

reports: $(call installed,core) ## build the data, run every notebook, write reports/index.html
	@$(BIN)/python -m analysis build
	@$(BIN)/python -m analysis run

pdf: $(call installed,pdf) ## the same, with every report as PDF and Word too
	@$(BIN)/python -m analysis build
	@$(BIN)/python -m analysis run --pdf --docx

# What a person set up for Jupyter stays, behind the settings of lab/.
LAB := $(CURDIR)/lab
LOCALE ?=
lab: $(call installed,lab) ## open the notebooks in JupyterLab; in Chinese: make lab LOCALE=zh_CN
	@test -z "$(LOCALE)" || test -d $(LAB)/$(LOCALE) || { \
		echo "Lab is not set up for $(LOCALE); make lab LOCALE=zh_CN is in Chinese, make lab in English."; exit 1; }
	@$(BIN)/python -m analysis build
	@JUPYTER_CONFIG_PATH="$(LAB)/$(LOCALE):$(LAB)$${JUPYTER_CONFIG_PATH:+:$$JUPYTER_CONFIG_PATH}" \
		JUPYTER_PATH="$(LAB)$${JUPYTER_PATH:+:$$JUPYTER_PATH}" $(BIN)/jupyter lab $(LABFLAGS)

cluster: $(call installed,cluster) ## install what runs on Slurm or Kubernetes need
	@echo "Ready: docs/cluster.md says how to go on."

test: $(call installed,all) ## run the tests
	@$(BIN)/python -m pytest

docs: $(call installed,docs) ## write the documentation, site/index.html
	@$(BIN)/sphinx-build -q -W --keep-going -d .doctrees docs site

check: $(call installed,dev) ## lint, types, layers, clean notebooks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/nbstripout --verify notebooks/*.ipynb

bench: $(call installed,core) ## run the benchmarks (ratios, not times)
	@for b in benchmarks/*.py; do $(BIN)/python $$b || exit 1; done

setup: $(call installed,$(GROUP)) ## install a group alone: make setup GROUP=lab

lock: ## write the locks of all groups anew from pyproject.toml
	@$(PYTHON) tools/lock.py

clean: ## remove what is made again by itself, and name what stays
	@test -x $(BIN)/python || { echo "Nothing is installed in $(VENV); make reports sets it up."; exit 1; }
	@$(BIN)/python -B -m analysis clean

$(STAMPS):
	@test -n "$(PYTHON)" || { \
		echo "lianjian needs Python 3.11 or later with the venv module; none of these has it: $(CANDIDATES)."; \
		echo "On Debian or Ubuntu: apt-get install python3 python3-venv. Or name one: make PYTHON=/path/to/python3.12"; \
		exit 1; }
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "$(PYTHON) is no Python 3.11 or later with the venv module; nothing was changed."; exit 1; }
	@$(PYTHON) tools/install.py $(word 2,$(subst -, ,$(notdir $@))) $(STAMPS)
