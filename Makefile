# make lab        install the course into .venv and open it in JupyterLab
# make test       install what the tests need, then lint, test and run the notebooks
# make notebooks  run the notebooks (ONLY=03: one of them) and keep outputs and text pairs
# make slides     build the decks (ONLY=03: one of them) as HTML and PDF in build/slides
# make site       build the course as a site in build/site, which works from a file and offline
# make test-delivery  test what is built for delivery: decks, site, bundle
# make bundle     a copy of the course that installs without network, in build/bundle
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
# Processes in which the tests run; with 0, `--pdb` and printing work.
WORKERS ?= 2

RUN := $(if $(filter Windows_NT,$(OS)),.venv/Scripts/python.exe,.venv/bin/python)
# Shapes in the signatures of these packages are checked while tests run; the tests of bad input run without that,
# because they hold the course's own messages.
SHAPES := --jaxtyping-packages=course_lib.reference,course_lib.kernels,course_lib.layers,course_lib.surgery,course_lib.randomised,beartype.beartype
PLAIN := $(RUN) -m pytest -p no:nbval
# Each process takes half of the tests in their order, since neighbours share fixtures, and then helps the other one.
SHARED := -n $(WORKERS) --dist worksteal
# Outputs are the same under the pinned versions only; under others the cells have to run.
NBVAL := $(if $(filter pinned,$(VERSIONS)),--nbval,--nbval-lax)

RUNS := unit bad-input browser check-notebooks notebooks slides site test-delivery
$(RUNS): export OMP_NUM_THREADS := 1
# The way of computing on a CPU is fixed here, so that results do not depend on a measurement.
$(RUNS): export COURSE_CPU := plain
# Notebook 00 passes an exercise; whoever runs the tests has not.
$(RUNS): export COURSE_PROGRESS := off
# Where a notebook takes two threads, one that waits for the other gives its core to other processes.
$(RUNS): export OMP_WAIT_POLICY := PASSIVE
# As in tools/lab.py: memory of arrays is kept, and not asked for page by page each time.
$(RUNS): export MALLOC_MMAP_THRESHOLD_ := 268435456
$(RUNS): export MALLOC_TRIM_THRESHOLD_ := 268435456
# Chromium without windows opens a page in half the time. It has no wake lock and breaks lines of a page elsewhere, so
# decks and site are tested in the whole one.
browser: export CHROMIUM ?= $(shell command -v chromium-headless-shell 2>/dev/null)
export REQUIRE_BROWSER

.PHONY: lab test slides site test-delivery bundle doctor install-lab install-experiments install-test \
	install-delivery lint unit bad-input browser check-notebooks notebooks clean
.NOTPARALLEL:

lab: install-lab
	$(RUN) tools/lab.py $(LAB_ARGS)

# Each stage begins with a line `== NAME`, by which .ci/run takes its time; the last one ends with pytest's closing line.
# The rules of ruff are those of its pinned version.
test: $(if $(filter pinned,$(VERSIONS)),lint) unit bad-input browser check-notebooks

install-lab install-experiments install-test install-delivery: install-%:
	@$(if $(filter test delivery,$*),echo "== install")
	@$(PYTHON) -I tools/install.py $* --versions $(VERSIONS)

lint: install-test
	@echo "== $@"
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

unit: install-test
	@echo "== $@"
	$(PLAIN) $(SHARED) $(SHAPES) tests --ignore=tests/bad_input --ignore=tests/browser --ignore=tests/notebooks \
		--ignore=tests/delivery

# In one process: it ends before a second one would have loaded torch.
bad-input: install-test
	@echo "== $@"
	$(PLAIN) tests/bad_input

browser: install-test
	@echo "== $@"
	$(PLAIN) $(SHARED) tests/browser

# The cells of a notebook stay in one process, in order.
check-notebooks: install-test
	@echo "== $@"
	$(RUN) -m pytest -n $(WORKERS) --dist loadscope tests/notebooks $(wildcard notebooks/*.ipynb) $(NBVAL) \
		--nbval-sanitize-with tests/notebooks/sanitize.cfg

notebooks: install-test
	$(RUN) tools/notebooks.py $(ONLY)

bundle: install-lab
	$(RUN) tools/bundle.py

# Live figures are collected from runs of the notebooks, and kept until code, notebook or packages change.
slides: install-delivery
	@echo "== $@"
	$(RUN) tools/decks.py $(ONLY)

site: install-delivery
	@echo "== $@"
	$(RUN) tools/site.py

test-delivery: slides site
	@echo "== $@"
	$(PLAIN) $(SHARED) tests/delivery

# Where the install fails, the doctor of what is there may still say why.
doctor:
	@$(PYTHON) -I tools/install.py lab --versions $(VERSIONS) || test -x $(RUN)
	$(RUN) -m course_lib doctor

clean:
	rm -rf .venv
