# Everything happens in .venv, which the first target that needs it creates.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEMO ?= capenh-demo
# One thread for torch's operators: the tiny models are faster so, and much so on a busy machine.
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
# And for those of polars, whose threads wait for each other longer than small frames take; `soak`
# has as many as users have.
ONE_OF_POLARS := POLARS_MAX_THREADS=1
# Three processes for two cores: a quarter of the time a test waits, for a disk or another process.
AT_ONCE := -n 3 --dist loadfile

# dg warns of a .venv that is not the active one.
DG := VIRTUAL_ENV=$(abspath $(VENV)) $(abspath $(BIN))/dg

.DEFAULT_GOAL := help
.PHONY: help install demo ui format check test slow soak bench train clean

help:  ## show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-9s %s\n", $$1, $$2}'

install: $(INSTALLED)  ## create .venv and install the package and its tools
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(INSTALLED)  ## draw a small dataset and caption it, offline
	@$(BIN)/capenh demo $(DEMO)

ui: $(INSTALLED)  ## open the Dagster UI on the demo's store, http://127.0.0.1:3000
	@test -f $(DEMO)/.env || { echo "Run 'make demo' first."; exit 2; }
	@cd $(DEMO) && $(abspath $(BIN))/capenh ui

format: $(INSTALLED)  ## lay out the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: $(INSTALLED)  ## lint, types, layers, Dagster definitions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/ty check capenh_pipeline
	$(BIN)/lint-imports
	$(BIN)/dagster definitions validate
	$(DG) check toml
	$(DG) check defs
	$(DG) list defs > /dev/null
	cd examples/several_datasets && $(DG) check defs

test: $(INSTALLED)  ## run the suite
	$(ONE_THREAD) $(ONE_OF_POLARS) $(BIN)/python -m pytest -q $(AT_ONCE)

slow: $(INSTALLED)  ## run the tests that take five seconds or more each; CI does
	$(ONE_THREAD) $(ONE_OF_POLARS) $(BIN)/python -m pytest -q $(AT_ONCE) -m 'slow and not soak'

soak: $(INSTALLED)  ## run the tests that take minutes
	$(ONE_THREAD) $(BIN)/python -m pytest -q -m soak

bench: $(INSTALLED)  ## measure; prints one JSON object
	@$(BIN)/python -m capenh_pipeline_tests.benchmarks

train: $(INSTALLED)  ## train the two demo models anew (under an hour on two cores)
	$(BIN)/python -m capenh_pipeline.demo.train

clean:  ## remove what the other targets made
	rm -rf $(VENV) $(DEMO) .hypothesis .pytest_cache .ruff_cache .import_linter_cache
