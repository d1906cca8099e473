# The commands to type; CONTRIBUTING.md has them without make.
PYTHON ?= python3
TORCH ?= 2.4.*
ADDRESS ?= 127.0.0.1:8000
BIN = .venv/bin
export NO_MKDOCS_2_WARNING = 1

help:  ## list these targets
	@sed -n 's/^\([a-z]*\):.*##\(.*\)/  make \1 -\2/p' Makefile

serve: .venv/ready  ## build the site, serve it, reload on save
	$(BIN)/mkdocs serve --strict --dev-addr $(ADDRESS)

test: .venv/ready  ## run every test
	@$(BIN)/python -m tests.browser
	$(BIN)/pytest --numprocesses 2

torch:  ## run the tests of the package with the torch that TORCH names, in an environment that is thrown away
	$(PYTHON) -m tests.torches $(TORCH)

build: .venv/ready  ## build the site into site/
	$(BIN)/mkdocs build --strict

lint: .venv/ready  ## check style and types, and that translations are in step
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/python -m docs.support.catalogues

translate: .venv/ready  ## bring new and changed paragraphs into the catalogues of translations, and list what there is to do
	$(BIN)/python -m docs.support.catalogues --write

bench: .venv/ready  ## measure speed and accuracy, for the Speed page
	$(BIN)/python -m tests.benchmarks.speed
	$(BIN)/python -m tests.benchmarks.gpu

faults: .venv/ready  ## break pages, theme and claims one at a time and see that something notices; takes hours; SAMPLE=5 tries five, others every day
	$(BIN)/python -m tests.faults $(if $(SAMPLE),--sample $(SAMPLE))

mutants: .venv/ready  ## change the operators of the package one at a time and count what its tests let pass; takes hours
	$(BIN)/pip install --quiet --constraint constraints.txt --group mutants
	rm -rf .cache/mutants && git clone --quiet . .cache/mutants
	cd .cache/mutants && export PATH="$(CURDIR)/$(BIN):$$PATH" && cosmic-ray init tests/mutants.toml kept.sqlite && \
		cr-filter-operators kept.sqlite tests/mutants.toml && cosmic-ray exec tests/mutants.toml kept.sqlite && \
		cr-report --surviving-only --show-diff kept.sqlite && cr-rate --fail-over 5 kept.sqlite

successors: .venv/ready  ## build with ProperDocs and Zensical, which may follow MkDocs, and compare
	$(BIN)/pip install --quiet --constraint constraints.txt --group successors
	$(BIN)/python -m tests.successors

clean:  ## remove what was installed and built here
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis site

.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; name one: make PYTHON=python3.12")'
	@$(PYTHON) -c 'import ensurepip' || { echo "Python has no pip to offer; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --constraint constraints.txt pip
	$(BIN)/pip install --constraint constraints.txt --build-constraint constraints.txt --editable '.[figures]' --group dev
	touch $@

.PHONY: help serve test torch build lint translate bench faults mutants successors clean
