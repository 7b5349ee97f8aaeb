# Two commands do everything on a machine with Python 3.11, make and git: `make run` and `make test`.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3.11

.PHONY: run test lint bench clean

run: $(VENV)/.train
	@$(BIN)/photochrom data download --optional
	@$(BIN)/photochrom train $(SETTINGS) --experiment more_kernels/channels-16-tanh --test
	@echo "Open the pictures in out/, and samples.png where the results are: gray, predicted, true."

test: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --cov --cov-report=term:skip-covered $(PYTEST)

lint: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.train
	$(BIN)/python benchmarks/epoch_time.py

clean:
	rm -rf $(VENV) .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(VENV)/.python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade 'pip>=25.1'
	touch $@

# torch comes first and alone, at the pinned version: whatever asks for torch later is content with it. Where the
# registry offers a CPU build, PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu saves gigabytes.
$(VENV)/.torch: $(VENV)/.python constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	touch $@

$(VENV)/.train: $(VENV)/.torch pyproject.toml
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[train]'
	touch $@

$(VENV)/.test: $(VENV)/.train
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[train,tensorboard,export]' --group dev
	touch $@
