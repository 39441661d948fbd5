# SPDX-License-Identifier: GPL-3.0-or-later
# make check   install into .venv and say what this machine lacks
# make demo    show it on a real kernel, in a few seconds and without root (user-mode-linux)
# make quick   lint, types, and the tests that need no emulator, on one kernel: minutes
# make test    everything the tests need, then all tests, those on real kernels included
# make test-arch  guests of other architectures, emulated: minutes each. ARCH=s390x: one of
#              those in tests/vm/harness/machines.py
# make generated  write what follows from the table of options: completions, parts of the manual page
# make fuzz    only what tries random inputs, FACTOR times as many as make test; with TARGET=NAME
#              SECONDS=N one parser alone, with TARGET=all each of them
# make bench   ratios against the things this tool replaces; BEFORE=DIR: another checkout beside it
# make install as root: into PREFIX, with the units; make uninstall takes all of it away
# make fetch   download what make install needs into FETCHED=DIR; with the same, it needs no network
# make locked  take the newest releases of what make install installs, with their hashes

PYTHON ?= python3
VENV := .venv
# For one kernel or one test: make test PYTEST_ARGS='tests/vm --kernel 6.1 -k gcm'. By default three files
# at a time, for two processors: a file's tests often share what took a guest to find out, and a guest
# often waits. In the order of tests/conftest.py.
PYTEST_ARGS ?= -n 3 --dist loadfile --no-loadscope-reorder
FACTOR ?= 10

PREFIX ?= /usr/local
# What runs the installed programs; the one that installs should be of the same version.
INTERPRETER ?= /usr/bin/python3
LIBRARY = $(PREFIX)/lib/modprobe-ipsec
UNITS = $(PREFIX)/lib/systemd/system
DOCS = $(PREFIX)/share/doc/modprobe-ipsec
# Files of the repository, and each one's place below PREFIX/share.
SHARED = man/modprobe-ipsec.8:man/man8/modprobe-ipsec.8 \
    man/modprobe-ipsec-plan.5:man/man5/modprobe-ipsec-plan.5 \
    man/modprobe-ipsec-words.7:man/man7/modprobe-ipsec-words.7 \
    man/modprobe-ipsec.service.8:man/man8/modprobe-ipsec.service.8 \
    man/modprobe-ipsec-hook.8:man/man8/modprobe-ipsec-hook.8 \
    man/modprobe-ipsec-init.8:man/man8/modprobe-ipsec-init.8 \
    completions/modprobe-ipsec.bash:bash-completion/completions/modprobe-ipsec \
    completions/_modprobe-ipsec:zsh/site-functions/_modprobe-ipsec \
    completions/modprobe-ipsec.fish:fish/vendor_completions.d/modprobe-ipsec.fish
# Installed programs and what they run. The last one is a generator as in systemd.generator(7).
GENERATOR = lib/systemd/system-generators/modprobe-ipsec-generator
PROGRAMS = sbin/modprobe-ipsec:__main__ sbin/modprobe-ipsec-hook:commands.oci_hook \
    sbin/modprobe-ipsec-init:commands.container_init $(GENERATOR):commands.generator

.PHONY: check demo quick test test-arch fuzz lint bench generated locked readme told packages \
    fetch install uninstall checked-prefix clean

check: $(VENV)/installed
	@$(VENV)/bin/modprobe-ipsec --check; status=$$?; \
	echo; echo "modprobe-ipsec --check: exit status $$status"; \
	test $$status -le 3

# UML=DIRECTORY: where user-mode-linux is unpacked, if it is not installed
demo: $(VENV)/installed
	@$(VENV)/bin/python scripts/demo.py $(UML); status=$$?; \
	test $$status -ne 69 || exec $(MAKE) --no-print-directory check; exit $$status

test: packages lint
	$(VENV)/bin/pytest $(PYTEST_ARGS)

quick: packages lint
	$(VENV)/bin/pytest -m 'not qemu and not long' --kernel uml-7 --fuzz 0.1 $(PYTEST_ARGS)

# A machine is asked once for all tests on it, so that they stay in one process.
test-arch: packages $(VENV)/tested
	$(VENV)/bin/pytest tests/vm/suites/test_architectures.py --machine '$(or $(ARCH),all)' \
	    -n 0 --capture no

fuzz: $(VENV)/tested
ifdef TARGET
	$(VENV)/bin/python -m tests.hostile.fuzz '$(TARGET)' --seconds $(or $(SECONDS),60) \
	    --seed "$$(date +%s)"
else
	$(VENV)/bin/pytest -m fuzz --fuzz $(FACTOR) $(PYTEST_ARGS)
endif

lint: $(VENV)/tested
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

bench: packages $(VENV)/tested
	$(VENV)/bin/python -m tests.bench $(BEFORE)

generated: $(VENV)/installed
	$(VENV)/bin/python -m scripts.generate

# The newest releases that pyproject.toml and locked/build.in allow.
locked: $(VENV)/installed
	$(VENV)/bin/pip install --quiet pip-tools
	set -e; for files in build:locked/build.in run:pyproject.toml; do \
	    { echo '# SPDX-License-Identifier: GPL-3.0-or-later'; \
	      echo "# By make locked, from $${files#*:}: what make install takes, with its hashes."; \
	      $(VENV)/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras \
	          --no-header --no-annotate --no-emit-options --output-file - $${files#*:}; \
	    } >locked/new; \
	    mv locked/new locked/$${files%%:*}.txt; \
	done

# Writes what the tool says in guests into the README.
readme: packages $(VENV)/tested
	$(VENV)/bin/python -m tests.vm.suites.test_readme
	$(VENV)/bin/python -m tests.vm.suites.test_demo

# Writes what recorded hosts are told, here and in another checkout: BEFORE=DIR
told: $(VENV)/tested
	$(VENV)/bin/python -m scripts.before_after $(BEFORE)

packages:
	@scripts/test-packages

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --editable .
	@touch $@

$(VENV)/tested: $(VENV)/installed
	$(VENV)/bin/pip install --quiet --editable '.[test]'
	@touch $@

# Drop-ins of the daemons that were installed before there was a generator, enabled or not.
define forget-drop-ins
for drop_in in $(DESTDIR)$(UNITS)/*.service.d/modprobe-ipsec.conf; do \
    rm -f $$drop_in; rmdir $$(dirname $$drop_in) 2>/dev/null || :; \
done
endef

# Everything that make install downloads, to where it may be taken from without network.
fetch:
	@test -n '$(FETCHED)' || { echo "say where to: make fetch FETCHED=DIR" >&2; exit 1; }
	$(PYTHON) scripts/library.py fetch '$(FETCHED)'

# Into a new directory first: if pip fails, what is installed stays.
install: checked-prefix
	rm -rf $(DESTDIR)$(LIBRARY).new
	umask 022; $(PYTHON) scripts/library.py install $(DESTDIR)$(LIBRARY).new $(FETCHED)
	cd $(DESTDIR)$(LIBRARY).new && rm -rf bin lib share
	rm -rf $(DESTDIR)$(LIBRARY)
	mv $(DESTDIR)$(LIBRARY).new $(DESTDIR)$(LIBRARY)
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/$(dir $(GENERATOR)) \
	    $(DESTDIR)$(UNITS) $(DESTDIR)$(DOCS)
# -I: nothing of the environment and nothing in a home directory decides which code root runs;
# -S: nor a .pth file. All that is needed lies in LIBRARY.
	set -e; for program in $(PROGRAMS); do \
	    target=$(DESTDIR)$(PREFIX)/$${program%%:*}; \
	    printf '%s\n' '#!$(INTERPRETER) -IS' 'import sys' \
	        'sys.path.append("$(LIBRARY)")' \
	        "from modprobe_ipsec.$${program#*:} import run" 'run()' >$$target; \
	    chmod 755 $$target; \
	done
	umask 022; for unit in modprobe-ipsec modprobe-ipsec-watch; do \
	    sed 's|^Exec[A-Z][a-z]*=|&$(PREFIX)/sbin/|' systemd/$$unit.service \
	        >$(DESTDIR)$(UNITS)/$$unit.service; \
	done
	$(forget-drop-ins)
	install -m 644 systemd/seal.conf $(DESTDIR)$(DOCS)
	umask 022; for file in cdi.json hooks.d.json node-problem-detector.json; do \
	    sed 's|/usr/local/sbin/|$(PREFIX)/sbin/|' container/$$file >$(DESTDIR)$(DOCS)/$$file; \
	done
	set -e; for file in $(SHARED); do \
	    install -D -m 644 $${file%%:*} $(DESTDIR)$(PREFIX)/share/$${file#*:}; \
	done

# What stays is what was enabled or copied to /etc.
uninstall: checked-prefix
	rm -rf $(DESTDIR)$(LIBRARY) $(DESTDIR)$(DOCS)
	for file in $(SHARED); do rm -f $(DESTDIR)$(PREFIX)/share/$${file#*:}; done
	for program in $(PROGRAMS); do rm -f $(DESTDIR)$(PREFIX)/$${program%%:*}; done
	rm -f $(DESTDIR)$(UNITS)/modprobe-ipsec.service $(DESTDIR)$(UNITS)/modprobe-ipsec-watch.service
	$(forget-drop-ins)

# Both run rm -rf below it, as root; and it goes into files that other programs read.
checked-prefix:
	@case '$(PREFIX)' in \
	    /*[!A-Za-z0-9/._+-]*|[!/]*|'') echo "PREFIX=$(PREFIX): want a plain absolute path" >&2; \
	        exit 1;; \
	esac

clean:
	rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
