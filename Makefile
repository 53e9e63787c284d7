# make demo: a first result. make check: what every change has to pass. `make help` lists the rest.

PYTHON ?= python3.11
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready
TOOLS = $(VENV)/.ready-dev
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check
RUN = $(BIN)/python run_talkingface.py

.PHONY: help demo learn check lint test clean

help:
	@echo "make demo    render talking heads, train, measure and dub: minutes on a CPU"
	@echo "make learn   the same with more faces, the lip-sync expert and the paper's losses: under an hour on a CPU"
	@echo "make check   lint, types and all tests"
	@echo "make test    all tests"

demo: $(READY)
	$(RUN) --model=HyperLipsBase --dataset=demo

learn: $(READY)
	$(RUN) --model=HyperLipsBase --dataset=demo --profile=learn

check: lint test

lint: $(TOOLS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: $(TOOLS)
	$(BIN)/python -m pytest -n 2

# Made anew when requirements.txt changes.
$(READY): requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) -r requirements.txt
	touch $(READY)

# Tests and lint need more than what runs; both files, so that the tools cannot move what the first one holds.
$(TOOLS): $(READY) requirements-dev.txt
	$(PIP) -r requirements.txt -r requirements-dev.txt
	touch $(TOOLS)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
