# make demo: the main job on real input. make test: every test that this machine can run. make engines: a real docker
# daemon with buildx, Bazel, Nix and buildifier for the tests, on Debian as root; `make engines-stop` ends what runs.
# make assembler: freezes the assembler's source as the file that engines run. make golden: writes golden files anew.
# make proofs: builds and runs an image for each program in tests/proofs; PROOFS="git node --suite trixie" chooses.
# make corpus: compares some five hundred wheels of the index with what uv and pip install, and builds sets of wheels that
# share paths; CORPUS="old six dbt-snowflake --folder /tmp/wheels" chooses, and keeps the wheels.
# make fuzz: each target of tests/fuzz for ONEDIGEST_FUZZ_SECONDS (60), with mutations that were not tried before.
# It reads all modules of this machine for images first, which takes half an hour.
# make docs: builds the pages of docs/ as a site, in site/; a warning, a dead link or anchor, and a page without a place
# in the navigation (zensical.toml) are errors.
# JOBS: how many tests run at a time.
PYTHON ?= python3
JOBS ?= 2
BIN = .venv/bin

# how docker is reached, where `make engines` has started it
-include .engines/environment.mk

.PHONY: demo test proofs corpus fuzz chaos lint assembler golden docs bench engines engines-stop clean

demo: .venv/ready
	$(BIN)/onedigest generate examples/penguins.py
	$(BIN)/onedigest build --locked penguins
	$(BIN)/onedigest inspect --validate penguins

test: .venv/ready
	$(BIN)/pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder --durations 25

proofs: .venv/ready
	PYTHONPATH=tests $(BIN)/python -m proofs $(PROOFS)

corpus: .venv/ready
	PYTHONPATH=tests $(BIN)/python -m corpus $(CORPUS)

fuzz: .venv/ready
	PYTHONPATH=tests $(BIN)/python tests/flyte_modules.py
	$(BIN)/python tests/fuzz/harness.py

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

assembler: .venv/ready
	$(BIN)/python tests/make_assembler.py

golden: .venv/ready
	$(BIN)/python tests/make_golden.py
	$(BIN)/python tests/format_numbers.py
	$(BIN)/python tests/make_reference.py
	$(BIN)/onedigest generate --all

docs: .venv/ready
	$(BIN)/python tests/make_docs.py

bench: .venv/ready
	$(BIN)/python tests/bench/bench.py
	$(BIN)/python tests/bench/images.py
	$(BIN)/python tests/bench/registry.py
	$(BIN)/python tests/bench/tools.py
	$(BIN)/python tests/bench/fleet.py
	$(BIN)/python tests/bench/flyte_builders.py
	$(BIN)/python tests/bench/checks.py $(AGAINST)

chaos: .venv/ready
	PYTHONPATH=tests $(BIN)/python -m chaos $(CHAOS)

engines:
	.ci/engines start

engines-stop:
	.ci/engines stop

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev,docs]'
	touch $@

clean:
	rm -rf .venv dist site .mypy_cache .pytest_cache .ruff_cache .hypothesis
