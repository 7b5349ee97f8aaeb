# Two commands do everything on a machine with Python 3.11, make and git: `make run` and `make test`.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3.11
BEST := runs/make-run

.PHONY: run test lint bench clean

run: $(VENV)/.train
	@$(BIN)/photochrom data download --optional
	@$(BIN)/photochrom train $(SETTINGS) --experiment more_kernels/channels-16-tanh --run $(BEST)
	@$(BIN)/photochrom predict $(BEST)/best.safetensors
	@echo "Open the pictures in out/, and $(BEST)/samples.png: gray, predicted, true."

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

# The CPU build of torch comes first and alone: whatever asks for torch later is content with it.
$(VENV)/.torch: $(VENV)/.python constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	touch $@

$(VENV)/.train: $(VENV)/.torch pyproject.toml
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[train]'
	touch $@

$(VENV)/.test: $(VENV)/.train
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[train,tensorboard]' --group dev
	touch $@
