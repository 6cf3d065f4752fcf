# `make` explains itself: every target's line of help stands behind its `##`.
.DEFAULT_GOAL := help
.PHONY: help setup demo test mutate check bench lock clean
SHELL := /bin/bash
HEEDLINE := .venv/bin/heedline
ARGS ?=

help: ## this text
	@echo 'Heedline: compliance-first call control for Asterisk.'
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo '  ARGS="…" goes on to the program behind demo, test, mutate and bench.'

setup: ## install what is missing: system packages, .venv, a private Asterisk (root or sudo; Debian 12 or newer)
	@tools/setup.sh run

demo: ## the calls of a day on a real PBX with real phones; leaves everything in ./var/
	@tools/setup.sh demo
	@$(HEEDLINE) demo $(ARGS)

test: ## everything, real PBX and phones included
	@tools/setup.sh test
	@.venv/bin/python -m pytest $(ARGS)

mutate: ## change compliance/ one small thing at a time and see whether a test notices (an hour; ARGS="compliance/gate.py")
	@tools/setup.sh test
	@.venv/bin/python tools/mutate.py $(ARGS)

check: ## ruff, mypy --strict, layering, documents against the program
	@tools/setup.sh test
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@.venv/bin/python tools/check_docs.py
	@.venv/bin/python tools/call_diagram.py --check
	@.venv/bin/python tools/jurisdiction_docs.py --check

bench: ## figures of docs/performance.md, measured on this machine
	@tools/setup.sh bench
	@.venv/bin/python -m bench $(ARGS)

lock: ## write requirements.lock and requirements-dev.lock anew from pyproject.toml
	@tools/lock.sh

clean: ## stop our PBX, remove .venv and caches; ./var (keys, ledger, recordings) stays
	@if [ -x $(HEEDLINE) ] && [ -e var/heedline.toml ]; then $(HEEDLINE) pbx down; fi
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@if [ -e var ]; then echo 'var/ stays: it holds keys, ledger and recordings. To remove it for good: rm -rf var'; fi
