# Every target makes and fills .venv by itself: nothing has to be installed before.

PYTHON ?= python3
BIN    := .venv/bin
READY  := .venv/ready

.PHONY: help demo test check bench docs

help:   ## show this list
	@sed -n 's/^\([a-z]*\): .*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(READY)  ## audit two small nets side by side and write a report
	$(BIN)/sparring demo

# One thread: the nets in the tests are so small that more threads only wait for each other.
test docs: export OMP_NUM_THREADS = 1

test: $(READY)  ## run all tests, the examples in the docs among them; PYTEST_ARGS="-k pgd" chooses
	$(BIN)/pytest $(PYTEST_ARGS)

check: $(READY)  ## lint, format, types, and which folder imports which
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)  ## measure side by side with peers and with the bare passes
	@set -e; for script in bench/[!_]*.py; do echo "== $$script"; $(BIN)/python $$script; done

docs: $(READY)  ## run the examples in the README, the docs and the docstrings only
	$(BIN)/pytest src $(wildcard README.md CONTRIBUTING.md docs)

$(READY): pyproject.toml constraints.txt
	@echo "Filling .venv, once: a minute or two."
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install -qq --no-input --disable-pip-version-check \
		--constraint constraints.txt --editable '.[demo,onnx,mlflow,remote,tabular,physical,bench,dev]'
	@touch $@
