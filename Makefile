# Machine Learning System Design, Measured. `make` lists the targets; each sets itself up.
PYTHON ?= python3
PY := .venv/bin/python
export PIP_RETRIES ?= 1
export JUPYTER_PREFER_ENV_PATH := 1
export JUPYTER_PLATFORM_DIRS := 1
export PYDEVD_DISABLE_FILE_VALIDATION := 1

.DEFAULT_GOAL := help
.PHONY: help setup book page test notebooks catalogue reseed bench lab constraints clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## ?/make \1\t/' | expand -t 18

setup:  ## create .venv with the pinned dependencies (the other targets call this)
	@$(PYTHON) tools/bootstrap.py

book: setup  ## build the static book, warnings are errors
	@$(PY) tools/book.py

page: setup  ## build the whole book on one page, to print or to keep
	@$(PY) tools/book.py --page

test: setup  ## run every check; notebooks that measure time come last, with nothing beside them
	@failed=0; $(PY) -m pytest -m "not alone" || failed=1; \
	  $(PY) -m pytest -m alone --numprocesses=0 || failed=1; exit $$failed

notebooks: setup  ## execute what changed (CHAPTER=part/topic forces one) and write the notebooks
	@$(PY) tools/notebooks.py $(CHAPTER)

catalogue: setup  ## rewrite datasets/README.md from the data cards
	@$(PY) tools/catalogue.py

reseed: setup  ## run chapters under other seeds and report claims that fail (CHAPTER=..., SEEDS="1 2 3")
	@$(PY) tools/reseed.py $(CHAPTER) $(if $(SEEDS),--seeds $(SEEDS))

bench: setup  ## print build times and each chapter's seconds and memory
	@$(PY) tools/bench.py

lab: setup  ## open the chapters in JupyterLab
	@.venv/bin/jupyter lab --notebook-dir=chapters

constraints: setup  ## pin every transitive dependency again, one numpy and scipy for all Pythons
	@$(PY) -m pip install --quiet uv
	@grep -v '^-' requirements.txt | .venv/bin/uv pip compile --quiet --universal --upgrade \
	  --python-version 3.11 --fork-strategy fewest --excludes tools/cuda.txt \
	  --no-annotate --no-header - --output-file constraints.txt

clean:  ## remove what was built; .venv stays
	@rm -rf _build .pytest_cache .ruff_cache
