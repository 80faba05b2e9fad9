# Two commands do everything on a new machine: `make demo` and `make test`. `make help` lists all of them.
#
# JOBS: how many tests run at a time. PYTHON: which one makes .venv. ONEDIGEST_FUZZ_SECONDS: for each target of fuzz (60).
# PROOFS="git node --suite trixie", CORPUS="old six --folder /tmp/wheels" and CHAOS="--kills 20 --seed 2" choose a part.
PYTHON ?= python3
JOBS ?= 2
BIN = .venv/bin

# how docker is reached, where `make engines` has started it
-include .engines/environment.mk

.PHONY: help demo quick test lint docs dist assembler golden bench proofs corpus fuzz chaos engines engines-stop clean

help: ## This list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: .venv/ready ## The main job on real input: lock, build, validate.
	$(BIN)/onedigest generate examples/penguins.py
	$(BIN)/onedigest build --locked penguins
	$(BIN)/onedigest inspect --validate penguins

quick: .venv/ready ## Tests in process without the slow ones: units, laws, architecture.
	$(BIN)/pytest --quiet --numprocesses $(JOBS) -m "not slow" --hypothesis-profile quick \
	    tests/unit tests/property tests/test_architecture.py

test: .venv/ready ## Every test that this machine can run.
	$(BIN)/pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder --durations 25

proofs: .venv/ready ## Run an image for each program that tests/proofs names.
	PYTHONPATH=tests $(BIN)/python -m proofs $(PROOFS)

corpus: .venv/ready ## Compare some five hundred wheels with what uv and pip install.
	PYTHONPATH=tests $(BIN)/python -m corpus $(CORPUS)

fuzz: .venv/ready ## Look for new crashes; reading the modules of this machine takes half an hour first.
	PYTHONPATH=tests $(BIN)/python tests/flyte_modules.py
	$(BIN)/python tests/fuzz/harness.py

lint: .venv/ready ## ruff, mypy --strict over code and tests, and checks of workflows.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/validate-pyproject pyproject.toml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/zizmor --offline --no-progress --quiet .github

dist: .venv/ready ## Wheel and sdist of the last commit, as they are released.
	release/build

assembler: .venv/ready ## Freeze the source of the assembler as the file that engines run.
	$(BIN)/python tests/make_assembler.py

golden: .venv/ready ## Write golden files, reference pages and the rules of examples anew.
	$(BIN)/python tests/make_golden.py
	$(BIN)/python tests/format_numbers.py
	$(BIN)/python tests/make_reference.py
	$(BIN)/python tests/make_keys.py
	$(BIN)/python tests/make_documents.py
	$(BIN)/onedigest generate --all

docs: .venv/ready ## The pages of docs/ as a site in site/; a dead link or anchor is an error.
	$(BIN)/python tests/make_docs.py

bench: .venv/ready ## Measure the tables of docs/benchmarks.md.
	$(BIN)/python tests/bench/bench.py
	$(BIN)/python tests/bench/images.py
	$(BIN)/python tests/bench/starts.py
	$(BIN)/python tests/bench/same_bytecode.py
	$(BIN)/python tests/bench/registry.py
	$(BIN)/python tests/bench/tools.py
	$(BIN)/python tests/bench/fleet.py
	$(BIN)/python tests/bench/flyte_builders.py
	$(BIN)/python tests/bench/checks.py $(AGAINST)

chaos: .venv/ready ## Kill, fill disks and break networks some hundred times.
	PYTHONPATH=tests $(BIN)/python -m chaos $(CHAOS)

engines: ## Start docker, Bazel and Nix for the tests: on Debian, as root.
	.ci/engines start

engines-stop: ## End what `make engines` started.
	.ci/engines stop

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev,docs]'
	touch $@

clean: ## Remove what was made here.
	rm -rf .venv dist site .mypy_cache .pytest_cache .ruff_cache .hypothesis
