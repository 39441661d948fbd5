# SPDX-License-Identifier: GPL-3.0-or-later
# make check   install into .venv and say what this machine lacks
# make test    everything the tests need, then all tests, those on real kernels included
# make bench   ratios against the things this tool replaces
# make install as root: into PREFIX, with the units; make uninstall takes all of it away

PYTHON ?= python3
VENV := .venv
# For one kernel or one test: make test PYTEST_ARGS='tests/vm --kernel 6.1 -k gcm'. By default two files
# at a time: a file's tests often share what took a guest to find out.
PYTEST_ARGS ?= -n 2 --dist loadfile

PREFIX ?= /usr/local
# What runs the installed programs; the one that installs should be of the same version.
INTERPRETER ?= /usr/bin/python3
LIBRARY = $(PREFIX)/lib/modprobe-ipsec
UNITS = $(PREFIX)/lib/systemd/system
DAEMONS = ipsec strongswan strongswan-starter

.PHONY: check test bench readme packages install uninstall clean

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

# -I: nothing of the environment and nothing in a home directory decides which code root runs.
install:
	rm -rf $(DESTDIR)$(LIBRARY)
	$(PYTHON) -m pip install --quiet --root-user-action=ignore --target $(DESTDIR)$(LIBRARY) .
	rm -rf $(DESTDIR)$(LIBRARY)/bin $(DESTDIR)$(LIBRARY)/lib $(DESTDIR)$(LIBRARY)/share
	install -d $(DESTDIR)$(PREFIX)/sbin
	set -e; for program in "" -hook -init; do \
	    case $$program in "") module=__main__;; *) module=$${program#-};; esac; \
	    target=$(DESTDIR)$(PREFIX)/sbin/modprobe-ipsec$$program; \
	    printf '%s\n' '#!$(INTERPRETER) -I' 'import sys' \
	        'sys.path.insert(0, "$(LIBRARY)")' \
	        "from modprobe_ipsec.$$module import run" 'run()' >$$target; \
	    chmod 755 $$target; \
	done
	install -d $(DESTDIR)$(UNITS)
	sed 's|^Exec[A-Z][a-z]*=|&$(PREFIX)/sbin/|' systemd/modprobe-ipsec.service \
	    >$(DESTDIR)$(UNITS)/modprobe-ipsec.service
	for daemon in $(DAEMONS); do \
	    install -D -m 644 systemd/daemon.conf \
	        $(DESTDIR)$(UNITS)/$$daemon.service.d/modprobe-ipsec.conf; \
	done
	install -D -m 644 systemd/seal.conf $(DESTDIR)$(PREFIX)/share/doc/modprobe-ipsec/seal.conf
	install -m 644 container/cdi.json container/hooks.d.json \
	    $(DESTDIR)$(PREFIX)/share/doc/modprobe-ipsec
	install -D -m 644 man/modprobe-ipsec.8 $(DESTDIR)$(PREFIX)/share/man/man8/modprobe-ipsec.8

uninstall:
	rm -rf $(DESTDIR)$(LIBRARY) $(DESTDIR)$(PREFIX)/share/doc/modprobe-ipsec
	rm -f $(DESTDIR)$(PREFIX)/share/man/man8/modprobe-ipsec.8
	for program in "" -hook -init; do rm -f $(DESTDIR)$(PREFIX)/sbin/modprobe-ipsec$$program; done
	rm -f $(DESTDIR)$(UNITS)/modprobe-ipsec.service
	for daemon in $(DAEMONS); do \
	    rm -f $(DESTDIR)$(UNITS)/$$daemon.service.d/modprobe-ipsec.conf; \
	    rmdir --ignore-fail-on-non-empty $(DESTDIR)$(UNITS)/$$daemon.service.d; \
	done

clean:
	rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
