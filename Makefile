# make test: install the test extra into .venv, lint, run every test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# PyTorch's own index of CPU builds; without it Linux machines get gigabytes of CUDA packages.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

.PHONY: test clean

# The stamp is written last, so an interrupted install is repaired by running make again.
$(VENV)/installed-test: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --no-deps --index-url $(TORCH_INDEX) --retries 1 --timeout 15 $$(grep '^torch==' constraints.txt)
	$(BIN)/pip install -q -c constraints.txt -e '.[test]'
	touch $@

test: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pytest

clean:
	rm -rf $(VENV)
