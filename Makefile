# Everything that is done with this repository, one target each; `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Any Python from 3.11 on.
PYTHON ?= $(shell for name in python3.11 python3; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && break; done)
BIN := .venv/bin
READY := .venv/.ready
COMPILED := build/compiled
MEANING := tests/engine tests/candidate tests/trials tests/report tests/ranges tests/compiled tests/fhir tests/test_soundness.py
DAY := 2026-06-01
TRIAL := rules/NCT07535138
SHOWN := examples/c-002-alt-above-limit.json

.PHONY: help setup compiled screen test lint golden soundness exactness units refusals fuzz agreement bench bench-cohort bench-fhir session-agreement bench-session clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name what; do \
		printf '  make %-17s %s\n' "$$name" "$$what"; done

setup: $(READY) ## make .venv with the command `prescreen` in it

# The build tools come first and are used as they are: durable-rules is compiled here, and releases stay the pinned ones.
$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or later was found: set PYTHON" >&2; exit 1; }
	@echo "setting up .venv (once) …"
	@rm -rf .venv
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt setuptools
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt --no-build-isolation -e '.[dev]'
	@touch $@

compiled: $(COMPILED)/.ready ## the package with its inner modules compiled to C, in build/compiled

$(COMPILED)/.ready: $(READY) setup.py $(shell find src -name '*.py')
	@echo "compiling (a minute or two) …"
	@rm -rf build && mkdir -p build
	@PRESCREEN_COMPILE=1 $(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation \
		--target $(COMPILED) . > build/log 2>&1 || { tail -30 build/log; exit 1; }
	@touch $@

screen: setup ## screen the bundled candidates: a summary of all, and one full report
	@$(BIN)/prescreen screen $(TRIAL) examples/*.json --on $(DAY) --summary
	@echo
	@$(BIN)/prescreen screen $(TRIAL) $(SHOWN) --on $(DAY) --verbose

test: lint ## lint, all tests (under 95 % branch coverage of src/ fails), those of meaning again on the compiled package
	@start=$$SECONDS; \
	$(BIN)/python -m pytest -n 2 --cov=prescreen --cov-branch --cov-report=term --cov-fail-under=95; \
	echo "the tests took $$((SECONDS - start)) s"
	@$(MAKE) $(COMPILED)/.ready
	@start=$$SECONDS; \
	PYTHONPATH=$(COMPILED) PRESCREEN_COMPILED=1 $(BIN)/python -m pytest -n 2 $(MEANING); \
	echo "the same of the compiled package took $$((SECONDS - start)) s"

lint: setup ## style, types, layers
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

golden: setup ## re-record golden files, schemas, the guide's outputs, the counts of protocols; read the difference
	@$(BIN)/python -m tests.report.record
	@$(BIN)/python -m tests.session.record
	@$(BIN)/python -m tests.check.record
	@$(BIN)/python -m tests.funnel.record
	@$(BIN)/python -m tests.amendments.record
	@for name in trial catalogue candidate report diff; do $(BIN)/prescreen schema $$name > schemas/$$name.json; done
	@$(BIN)/python -m tests.docs.guide
	@$(BIN)/python tools/protocols.py --write

soundness: setup ## the engine against a brute-force reference, and planted bugs
	@$(BIN)/python tools/soundness.py

exactness: setup ## generated comparisons on and near thresholds, against rational arithmetic
	@$(BIN)/python tools/exactness.py

units: setup ## unit strings as laboratories write them, and UCUM's functional tests (with ../shared/data)
	@$(BIN)/python tools/units.py

refusals: setup ## every kind of bad input: what is told, in which time and memory
	@$(BIN)/python tools/refusals.py

fuzz: setup ## 50,000 broken rule files and catalogues: loaded or refused, never anything else
	@$(BIN)/python tools/fuzz.py

agreement: setup ## whole cohorts against the direct evaluator, here and on Spark, and planted bugs
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt setuptools
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt --no-build-isolation -e '.[dev,spark]'
	@$(BIN)/python tools/agreement.py --engine both

bench: compiled ## how fast, on one core: compiled, and as it is
	@$(BIN)/python tools/bench.py --package $(COMPILED)
	@echo
	@$(BIN)/python tools/bench.py --package src --rounds 3 --starts 5

bench-fhir: compiled ## from a FHIR Bundle's text to a report, in multiples of json.loads: compiled, and as it is
	@$(BIN)/python tools/bench_fhir.py --package $(COMPILED)
	@echo
	@$(BIN)/python tools/bench_fhir.py --package src --rounds 11

session-agreement: setup ## 2,000 lives of candidates in live sessions, each status held against a screening; planted bugs
	@$(BIN)/python tools/session_agreement.py

bench-session: setup ## live sessions of 1,000 and 10,000 candidates: events a second, milliseconds to a change, memory
	@$(BIN)/python tools/bench_session.py

bench-cohort: compiled ## how fast whole cohorts of 10,000 to 1,000,000 are, compiled, one trial and ten, as multiples of reading them
	@$(BIN)/python tools/bench_cohort.py --package $(COMPILED) --ten

clean: ## remove what these targets have made
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage .coverage.* build src/*.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
