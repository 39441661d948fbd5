# SPDX-License-Identifier: GPL-3.0-or-later
# make check   install into .venv and say what this machine lacks
# make test    everything the tests need, then all tests, those on real kernels included
# make bench   ratios against the things this tool replaces

PYTHON ?= python3
VENV := .venv
# For one kernel or one test: make test PYTEST_ARGS='tests/vm --kernel 6.1 -k gcm'
PYTEST_ARGS ?=

.PHONY: check test bench readme packages clean

check: $(VENV)/installed
	@$(VENV)/bin/modprobe-ipsec --check; status=$$?; \
	echo; echo "modprobe-ipsec --check: exit status $$status"; \
	test $$status -le 3

test: packages $(VENV)/tested
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/pytest $(PYTEST_ARGS)

bench: packages $(VENV)/tested
	$(VENV)/bin/python -m tests.bench

# Writes what the tool says in a guest into the README.
readme: packages $(VENV)/tested
	$(VENV)/bin/python -m tests.vm.test_readme

packages:
	@scripts/test-packages

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --editable .
	@touch $@

$(VENV)/tested: $(VENV)/installed
	$(VENV)/bin/pip install --quiet --editable '.[test]'
	@touch $@

clean:
	rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
