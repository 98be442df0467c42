# `make help` lists what there is. Everything runs in .venv, made on first use.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
MODELS := $(VENV)/.models
# what pip installs for torch. Where the usual package brings CUDA (Linux) and the processor is enough, name PyTorch's
# index of CPU builds: make install TORCH="torch==2.13.0 --extra-index-url <index>"
TORCH  ?= torch==2.13.0
PACKAGES := $(wildcard shared/pyproject.toml services/*/pyproject.toml evals/pyproject.toml deploy/local/pyproject.toml deploy/compose/pyproject.toml)

.DEFAULT_GOAL := help
.PHONY: help install demo demo-compose run chat rush eval test test-compose lint types arch lock bench images clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements-dev.txt constraints.txt $(PACKAGES)
	@$(PYTHON) -c 'import sys; sys.exit("Usher needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing into $(VENV) (a minute or two the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(MODELS): $(STAMP) requirements-models.txt
	@echo "Installing $(TORCH) and what runs and makes models into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(TORCH)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-models.txt
	@touch $@

install: $(MODELS) ## Make .venv with every package and tool, torch included

demo: $(STAMP) ## A customer buys, upgrades and is told no, on a stack of its own
	@$(BIN)/usher demo

demo-compose: $(STAMP) ## The same demo on docker compose: the Google Cloud roots on the official emulators
	@$(BIN)/usher demo-compose

run: $(STAMP) ## Start the whole stack here (Ctrl-C stops it)
	@$(BIN)/usher up

chat: $(STAMP) ## Talk to the running stack
	@$(BIN)/usher chat

rush: $(STAMP) ## 500 buyers for 50 seats, 100 parties, 20 attackers: every invariant of the box office, or exit code 1
	@$(BIN)/usher rush

eval: $(STAMP) ## Simulated customers against the agent: pass^1 to pass^4, violations, transcripts in build/eval
	@$(BIN)/usher eval

test: $(MODELS) ## All tests but the compose stack's
	@$(BIN)/pytest -n 2 --dist worksteal --ignore tests/compose

test-compose: $(STAMP) ## The end-to-end tests on the compose stack; its containers killed, its dependencies stopped
	@$(BIN)/pytest tests/compose

lint: $(STAMP) ## ruff, and import-linter's rules of the house
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache

types: $(MODELS) ## mypy, strict
	@$(BIN)/mypy

arch: $(MODELS) ## The architecture tests: rules bite, files stay small, packages stand alone
	@$(BIN)/pytest -n 2 tests/architecture

lock: $(STAMP) ## Pin new dependencies: constraints.txt and each package's requirements.txt
	@$(BIN)/python deploy/local/lock.py

bench: $(MODELS) ## The quick benchmarks; docs/performance.md says how to run the rest
	@for program in benchmarks/*.py; do echo "== $$program"; $(BIN)/python $$program || exit 1; done

images: $(STAMP) ## Build the services' images, tagged usher/<service>:dev, and say what they weigh
	@$(BIN)/python deploy/images/build.py --weigh

clean: ## Remove what was built here (not .usher, the stack's data)
	@rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
