# make lab        install the course into .venv and open it in JupyterLab
# make test       install what the tests need, then lint and run every test
# make notebooks  run the notebooks (ONLY=03: one of them) and keep outputs and text pairs
# make doctor     say what this machine lacks for the course
# make clean      remove .venv

PYTHON ?= $(if $(filter Windows_NT,$(OS)),python,python3)
# Handed to `jupyter lab`, for instance LAB_ARGS="--no-browser --port=8931".
LAB_ARGS ?=
# pinned (constraints.txt), oldest (the lower bounds of pyproject.toml) or newest.
VERSIONS ?= pinned
# Set to 1 to make a missing Chromium an error.
REQUIRE_BROWSER ?=
ONLY ?=

RUN := $(if $(filter Windows_NT,$(OS)),.venv/Scripts/python.exe,.venv/bin/python)
# Shapes in the signatures of these packages are checked while tests run; the tests of bad input run without that,
# because they hold the course's own messages.
SHAPES := --jaxtyping-packages=course_lib.reference,course_lib.layers,course_lib.surgery,beartype.beartype
PLAIN := $(RUN) -m pytest -p no:nbval
# Outputs are the same under the pinned versions only; under others the cells have to run.
NBVAL := $(if $(filter pinned,$(VERSIONS)),--nbval,--nbval-lax)

unit bad-input browser check-notebooks notebooks: export OMP_NUM_THREADS := 1
# Where a notebook takes two threads, one that waits for the other leaves its core to who needs it.
browser check-notebooks notebooks: export OMP_WAIT_POLICY := PASSIVE
export REQUIRE_BROWSER

.PHONY: lab test doctor install-lab install-test lint unit bad-input browser check-notebooks notebooks clean
.NOTPARALLEL:

lab: install-lab
	$(RUN) tools/lab.py $(LAB_ARGS)

# The last stage ends with pytest's closing line, and so does `make test`.
# The rules of ruff are those of its pinned version.
test: $(if $(filter pinned,$(VERSIONS)),lint) unit bad-input browser check-notebooks

install-lab install-test: install-%:
	@$(PYTHON) -I tools/install.py $* --versions $(VERSIONS)

lint: install-test
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

unit: install-test
	$(PLAIN) $(SHAPES) tests --ignore=tests/bad_input --ignore=tests/browser --ignore=tests/notebooks

bad-input: install-test
	$(PLAIN) tests/bad_input

browser: install-test
	$(PLAIN) tests/browser

check-notebooks: install-test
	$(RUN) -m pytest tests/notebooks $(wildcard notebooks/*.ipynb) $(NBVAL) \
		--nbval-sanitize-with tests/notebooks/sanitize.cfg --nbval-cell-timeout 120

notebooks: install-test
	$(RUN) tools/notebooks.py $(ONLY)

doctor: install-lab
	$(RUN) -m course_lib doctor

clean:
	rm -rf .venv
