# One environment for everything: made when it is missing, half made, moved, or older than what it is made from.

PYTHON ?= python3
SEARCH ?= --space cnn --dataset challenge --name demo --resume --time 60s --trials 30 --epochs 8 --seeds 3 --top 2 \
          --ensemble none --max-macs 8M --max-params 1M

BIN := .venv/bin
READY := .venv/ready
EXTRAS := test,lint

# `ready` holds the folder it was made in; an environment cannot be moved, nor outlive its Python.
ifneq ($(CURDIR),$(shell test -x $(BIN)/python && cat $(READY) 2>/dev/null))
$(shell rm -f $(READY))
endif

.DELETE_ON_ERROR:
.PHONY: help search test slow cluster gpu lint types counts ui clean

help:
	@echo 'make search   search, confirm, test and export a network; options by SEARCH="..."; go on with it by the same'
	@echo 'make test     the tests;  make slow  the long ones;  options by ARGS="..."'
	@echo 'make cluster  those on several machines, which root can make on this one'
	@echo 'make gpu      the tests and figures that wait for a GPU; go on with it by the same'
	@echo 'make lint     ruff;       make types  mypy'
	@echo 'make counts   how many rooms, floors and lines the code has'
	@echo 'make ui       the MLflow UI on the last study'
	@echo 'make clean    remove what make made; studies stay'

search: $(READY)
	$(BIN)/spectune search $(SEARCH)

test: $(READY)
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

slow: $(READY)
	$(BIN)/python -m pytest -m slow $(ARGS)

cluster: $(READY)
	$(BIN)/python -m pytest -m cluster $(ARGS)

# Its tests first, its longest trainings last: the 40 of the paper's Fig. 2, seeds as one network, steps as CUDA graphs.
gpu: $(READY)
	@$(BIN)/python -c 'import sys, torch; torch.cuda.is_available() or sys.exit("make gpu needs a GPU that torch sees, there is none: run it where there is one")'
	$(BIN)/python -m pytest tests/trainables/test_trainables_graph.py tests/trainables/data/test_trainables_data_peaks.py
	$(BIN)/python benchmarks/steps.py
	$(BIN)/python benchmarks/roofline.py
	$(BIN)/python benchmarks/fused.py
	$(BIN)/spectune search --dataset generated --trials 30 --epochs 9 --gpus-per-trial auto --name gpu-packed --resume
	$(BIN)/spectune ablate cnn2 --data points=1000 --epochs 60 --seeds 6 --vary precision=float32 --name gpu-precision --resume
	$(BIN)/python benchmarks/paper.py fig2 --factors 0.1 --replicas 5 --replay

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy $(ARGS)
	$(BIN)/mypy benchmarks/*.py

counts:
	@$(PYTHON) tests/architecture/house.py

ui: $(READY)
	$(BIN)/spectune ui $(ARGS)

clean:
	rm -rf .venv .types .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The link lets editors and mypy find spectune.search in search/.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("spectune needs Python 3.11 or later, $(PYTHON) is " + sys.version.split()[0] + ": make PYTHON=python3.12")'
	@if [ -e $@ ]; then rm $@; else $(PYTHON) -m venv --clear .venv; fi
	@mkdir -p .types && ln -sfn .. .types/spectune
	@echo 'installing into .venv (a few minutes)'
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	@printf '%s\n' "$(CURDIR)" > $@
