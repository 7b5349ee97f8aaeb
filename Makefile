# Two commands do everything on a machine with Python 3.11, make and git: `make run` and `make test`.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3.11

OUT ?= out

.PHONY: run study test check lint bench clean

run: $(VENV)/.sample
	@$(BIN)/photochrom colorize "$$(cat $(VENV)/.sample)" --out $(OUT) --force --compare --overwrite
ifdef PHOTOS
	@$(BIN)/photochrom colorize "$(PHOTOS)" --out $(OUT) --compare
endif

study: $(VENV)/.train
	@$(BIN)/photochrom data download --optional
	@$(BIN)/photochrom train $(SETTINGS) --experiment more_kernels/channels-16-tanh --test
	@echo "Open the pictures in out/, and samples.png where the results are: gray, predicted, true."

# Tests run side by side, one process a core; threads of numpy that wait for each other would take a third more time.
test check: export OMP_NUM_THREADS = 1

test: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist worksteal --cov --cov-report=term:skip-covered $(if $(PYTEST),--cov-fail-under=0 $(PYTEST))

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist worksteal -q -m "not slow" tests/photo tests/coloring tests/lab/models tests/lab/test_metrics.py tests/test_cli.py tests/test_color.py tests/test_imports.py tests/test_size.py

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

# What coloring photos takes: no torch.
$(VENV)/.light: $(VENV)/.python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

# A portrait in the public domain (Eileen Collins, by NASA) lies in the files of scikit-image, of which no more is needed.
$(VENV)/.sample: $(VENV)/.light
	$(BIN)/pip install --quiet --constraint constraints.txt --no-deps scikit-image
	$(BIN)/python -c 'from importlib.util import find_spec; print(find_spec("skimage").submodule_search_locations[0] + "/data/astronaut.png")' > $@

# torch comes first and alone, at the pinned version: whatever asks for torch later is content with it. Where the
# registry offers a CPU build, PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu saves gigabytes.
$(VENV)/.torch: $(VENV)/.python constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	touch $@

$(VENV)/.train: $(VENV)/.torch pyproject.toml
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[train]'
	touch $@

$(VENV)/.test: $(VENV)/.train
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[train,tensorboard,search,export,heic,raw,c2pa,serve]' --group dev
	touch $@
