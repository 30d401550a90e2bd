# What a person runs. Each target makes what it needs; `make` alone lists them.

PORT ?= 8000
# The folder of labelled slices, in the layout of the Kaggle set, that `make train` learns from.
DATA ?= ../shared/ct
# What `make run` installs; requirements-serve.txt is enough to serve, and lacks TensorFlow.
REQUIREMENTS ?= requirements.txt

VENV := .venv
BIN := $(VENV)/bin
export PORT

.DEFAULT_GOAL := help
.PHONY: help run work test assets check format train benchmark requirements clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST)

run: $(VENV)/.$(REQUIREMENTS) ## start the server on $PORT (8000)
	@PATH="$(CURDIR)/$(BIN):$$PATH" exec sh -c "exec $$(sed -n 's/^web: *//p' Procfile)"

work: $(VENV)/.$(REQUIREMENTS) ## start a worker that reads studies in the background
	@PATH="$(CURDIR)/$(BIN):$$PATH" exec sh -c "exec $$(sed -n 's/^worker: *//p' Procfile)"

test: $(VENV)/.requirements-dev.txt assets ## run every test
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

# The pages use no library, so that running needs no npm; their tests do.
assets: ## fetch what package-lock.json names, where npm is
	@if cmp -s package-lock.json node_modules/.made-from; then :; \
	elif ! command -v npm >/dev/null; then echo "npm is not here: tests that need a library of package-lock.json cannot run."; \
	elif npm ci --ignore-scripts --no-audit --no-fund --silent; then cp package-lock.json node_modules/.made-from; \
	else echo "npm could not fetch what package-lock.json names: tests that need it cannot run."; fi

check: $(VENV)/.requirements-dev.txt ## lint and type-check, the files for deployment too; look up vulnerabilities
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml
	$(BIN)/kubernetes-validate --quiet --strict kubernetes.yaml
	$(BIN)/python requirements/audit.py

format: $(VENV)/.requirements-dev.txt ## format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

train: $(VENV)/.requirements-dev.txt ## make the shipped network from $DATA; go on where it was stopped
	$(BIN)/python -m training prepare "$(DATA)" --out runs/manifest.csv
	$(BIN)/python -m training fit training/configs/shipped.toml --out runs/shipped --resume
	$(BIN)/python -m training publish runs/shipped

benchmark: $(VENV)/.requirements-dev.txt ## measure the server and the page
	$(BIN)/python tests/benchmarks/serve.py
	$(BIN)/python tests/benchmarks/soak.py
	$(BIN)/python tests/benchmarks/study.py
	$(BIN)/python tests/benchmarks/page.py
	$(BIN)/python tests/benchmarks/explain.py

requirements: $(VENV)/.requirements-dev.txt ## pin requirements*.txt anew from requirements/*.in
	$(BIN)/python requirements/pin.py

clean: ## remove what the other targets made, but for runs/
	rm -rf $(VENV) node_modules .mypy_cache .pytest_cache .ruff_cache

$(VENV)/.%.txt: %.txt | $(VENV)/bin/python
	@echo "Installing $< into $(VENV) (only when it changed) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# The first Python that is new enough, not too new, and able to make environments.
$(VENV)/bin/python:
	@for python in python3 python3.12 python3.11 python3.13 python3.10 python; do \
	  if $$python -c 'import ensurepip, sys, venv; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then \
	    echo "Making $(VENV) with $$($$python --version) ..."; exec $$python -m venv $(VENV); \
	  fi; \
	done; \
	echo "CovidScanner needs Python 3.10, 3.11, 3.12 or 3.13 with its venv module (on Debian: apt install python3-venv)." >&2; exit 1
