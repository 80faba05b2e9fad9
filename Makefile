# make demo: the main job on real input. make test: every test that this machine can run.
PYTHON ?= python3
BIN = .venv/bin

.PHONY: demo test lint golden bench clean

demo: .venv/ready
	$(BIN)/onedigest generate examples/penguins.py
	$(BIN)/onedigest build --locked penguins
	$(BIN)/onedigest inspect --validate penguins

test: .venv/ready
	$(BIN)/pytest

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

golden: .venv/ready
	$(BIN)/python tests/make_golden.py

bench: .venv/ready
	$(BIN)/python tests/bench/bench.py

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
