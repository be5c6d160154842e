PYTHON ?= python3
VENV ?= .venv

# A PYTHON that was asked for is the only one to do; otherwise any of these.
PYTHONS = $(PYTHON) $(if $(filter file,$(origin PYTHON)),python3.13 python3.12 python3.11)
IN_VENV = $(VENV)/bin/python -m

.PHONY: run test check pykka-suite bench seeds mutants conformance explore soak clean

run: $(VENV)/.run
	@$(IN_VENV) examples.user_sync.compare $(ARGS)

test: $(VENV)/.dev
	@$(IN_VENV) pytest --numprocesses auto $(ARGS)

check: $(VENV)/.dev
	@$(IN_VENV) ruff check .
	@$(IN_VENV) ruff format --check .
	@$(IN_VENV) mypy
	@$(IN_VENV) pyright --pythonpath $(VENV)/bin/python
	@$(VENV)/bin/lint-imports --no-logo

pykka-suite: $(VENV)/.dev
	@$(IN_VENV) tests.pykka_suite

bench: $(VENV)/.run
	@$(IN_VENV) benchmarks $(ARGS)

seeds: $(VENV)/.run
	@$(IN_VENV) examples.user_sync.seeds $(ARGS)

mutants: $(VENV)/.dev
	@$(IN_VENV) tests.mutants

conformance: $(VENV)/.dev
	@$(IN_VENV) tests.conformance $(ARGS)

explore: $(VENV)/.dev
	@$(IN_VENV) tests.deep $(ARGS)

SECONDS ?= 600
soak: $(VENV)/.run
	@$(IN_VENV) tests.soak --seconds $(SECONDS) $(ARGS)

clean:
	@rm -rf .venv .venv-* $(VENV) build dist .coverage .*_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What is installed is marked by a stamp, so that a second run installs nothing.
$(VENV)/.run: requirements/run.txt pyproject.toml
$(VENV)/.dev: requirements/dev.txt requirements/run.txt pyproject.toml
$(VENV)/.run $(VENV)/.dev:
	@requirements/install $(VENV) $< $(PYTHONS)
	@touch $@
