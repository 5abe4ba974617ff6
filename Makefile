# SPDX-License-Identifier: MIT
#
# A thin front to the scripts in tools/, meson and pytest. Each target does its own set-up; the second time that costs
# a second. Only what is missing is installed, and said.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

export PATH := $(CURDIR)/.venv/bin:$(PATH)
PY := .venv/bin/python
PYTEST := $(PY) -m pytest

SANITIZED := -Db_sanitize=address,undefined -Db_lundef=false -Dtests=true -Dpython=disabled
export ASAN_OPTIONS ?= detect_leaks=1:strict_string_checks=1:abort_on_error=0
export UBSAN_OPTIONS ?= print_stacktrace=1:halt_on_error=1

.PHONY: help
help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' Makefile

.PHONY: demo
demo: ## the quick start: set up, then messages from models through Kafka into a database, and a table by COPY
	@tools/setup.sh demo
	@$(PY) examples/catalogue/demo.py
	@echo
	@$(PY) examples/shop/demo.py

.PHONY: test
test: ## everything: set up, C tests, fault sweep, installation, Python tests, tests with a real Kafka
	@tools/setup.sh test
	@$(MAKE) check-c check-fault check-objects check-install
	@tools/step.sh "Python tests, those with a real Kafka included" tools/check_py.sh $(ARGS)

.PHONY: check
check: check-c check-py ## the inner loop, about a minute: C tests under sanitizers, fast Python tests

.PHONY: build
build: ## build the extension in place (build/)
	@tools/setup.sh build

.PHONY: check-c
check-c: ## C tests under ASan and UBSan; NAME=part of a test's name
	@tools/setup.sh c
	@tools/step.sh "C tests under ASan and UBSan" tools/check_c.sh build-asan "$(SANITIZED)" $(NAME)

.PHONY: check-fault
check-fault: ## every allocation failed in turn, under ASan
	@tools/setup.sh c
	@tools/step.sh "C tests with failing allocations" tools/check_c.sh build-asan "$(SANITIZED)" --fail-alloc $(NAME)

.PHONY: check-tsan
check-tsan: ## C tests under ThreadSanitizer
	@tools/setup.sh c
	@tools/step.sh "C tests under TSan" tools/check_c.sh build-tsan \
		"-Db_sanitize=thread -Db_lundef=false -Dtests=true -Dpython=disabled" $(NAME)

.PHONY: check-py
check-py: ## fast Python tests; K=expression as for pytest -k
	@tools/setup.sh build
	@tools/setup.sh venv test
	@tools/step.sh "Python tests" $(PYTEST) tests/py -m "not slow" $(if $(K),-k "$(K)") $(ARGS)

.PHONY: check-live
check-live: ## tests with a real Kafka; K=expression as for pytest -k
	@tools/setup.sh test
	@tools/step.sh "Tests with a real Kafka" $(PYTEST) tests/live $(if $(K),-k "$(K)") $(ARGS)

.PHONY: chaos
chaos: ## kill brokers, databases and consumers at random and account for every message; SECONDS=180 SEED=7
	@tools/setup.sh test
	@$(PY) -m tests.chaos $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

.PHONY: check-install
check-install: ## pip install . into a new environment, and a round trip with what was installed
	@tools/setup.sh c
	@tools/step.sh "Installation into a new environment" tools/check_install.sh

.PHONY: matrix
matrix: ## the fast tests over Python 3.11 to 3.14 and Django 4.2, 5.2, 6; says what it could not test (STRICT=1: fails)
	@tools/setup.sh system build
	@tools/matrix.sh

.PHONY: bench
bench: ## compare with other clients on one real Kafka; N=messages RUNS=rounds ARGS="--only avro start"
	@tools/setup.sh bench
	@$(PY) -m bench $(if $(N),--messages $(N)) $(if $(RUNS),--runs $(RUNS)) $(ARGS)

.PHONY: coverage
coverage: ## line coverage of the C sources
	@tools/setup.sh coverage
	@tools/coverage.sh

.PHONY: fuzz
fuzz: ## every fuzzer for T seconds (60), from the committed corpora
	@tools/setup.sh fuzz
	@tools/fuzz.sh $(or $(T),60)
	@tools/fuzz_objects.sh $(or $(T),60)

.PHONY: check-objects
check-objects: ## Python objects that do mischief, given to the extension under ASan; T=20 seconds SEED=7
	@tools/setup.sh test
	@tools/step.sh "Objects that do mischief, under ASan" tools/fuzz_objects.sh $(or $(T),20) $(SEED)

.PHONY: lint
lint: ## formatting, ruff, mypy, texts, layers, symbols
	@tools/setup.sh lint
	@tools/lint.sh

.PHONY: fmt
fmt: ## format C and Python, wrap texts
	@tools/setup.sh lint
	@tools/lint.sh --fix

.PHONY: release
release: ## raise VERSION, date the changelog, commit and tag; PART=major|minor|patch
	@tools/setup.sh venv release
	@bump-my-version bump --current-version "$$(cat VERSION)" $(or $(PART),patch)

.PHONY: clean
clean: ## drop what was built; `make distclean` also drops .venv and downloads
	rm -rf build build-* dist .matrix .mypy_cache .ruff_cache .pytest_cache django_kafka/_native*.so django_kafka/_native*.so.new
	find . -name __pycache__ -not -path './.venv/*' -not -path './.cache/*' -prune -exec rm -rf {} +

.PHONY: distclean
distclean: clean
	rm -rf .venv .cache
