# make demo    holds sessions through a misbehaving middlebox, half a minute, no network needed
# make test    everything that must hold before a change lands
# make netlab  real kernels and boxes in network namespaces, and what stresser says of them (root)
# make fuzz    damages run folders, bundles, scenarios and allowlists, 10,000 times each, and kills
#              commands at 300 moments: an hour;
#              then our own parsers, guided by coverage (atheris: Linux on x86-64), ten minutes
# make bench   what a held session costs, beside a bare script that does the same
# make check   what make test does before the tests: format, lint, types, layers
#
# Both make a virtual environment of their own first. PYTHON names the interpreter, 3.11 or later:
#     make demo PYTHON=python3.12

PYTHON ?= python3
RUN := .venv
DEV := .venv-dev
MITMPROXY := .venv-mitmproxy
ATHERIS := .venv-atheris
PIP_INSTALL := -m pip --disable-pip-version-check install --quiet

# Windows puts the interpreter elsewhere in a virtual environment.
BIN := $(if $(filter Windows_NT,$(OS)),Scripts,bin)

.PHONY: demo test netlab fuzz guided-fuzz bench check format lock clean help
.DEFAULT_GOAL := help

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

demo: $(RUN)/.ready
	$(RUN)/$(BIN)/stresser run quickstart
	@$(RUN)/$(BIN)/stresser report last

test: export STRESSER_THOROUGH := 1
test: check
	$(DEV)/$(BIN)/python -m pytest -m "not scale and not netlab and not browser"
	$(DEV)/$(BIN)/python -m pytest -m scale -n 0
	$(DEV)/$(BIN)/python -m pytest -m browser -n 0
	$(MAKE) netlab

# Scenarios wait more than they work; the longest begin (tests/netlab/conftest.py), and each worker
# takes one at a time. The matrix is also in results/netlab-matrix.txt.
netlab: $(DEV)/.ready $(MITMPROXY)/.ready
	$(DEV)/$(BIN)/python -m pytest -m netlab --ignore=tests/netlab -n 0
	$(DEV)/$(BIN)/python -m pytest tests/netlab -m netlab -n 4 --dist load --maxschedchunk 1

# A seed of its own each time; a failure prints it, and STRESSER_FUZZ_SEED=... plays it again.
fuzz: export STRESSER_FUZZ ?= 10000
fuzz: export STRESSER_KILLS ?= 300
fuzz: export STRESSER_FUZZ_SEED ?= $(shell date +%s)
fuzz: $(DEV)/.ready
	$(DEV)/$(BIN)/python -m pytest tests/fuzz -m slow -n 2
	$(MAKE) guided-fuzz

guided-fuzz: export STRESSER_FUZZ_SEED ?= $(shell date +%s)
guided-fuzz: $(ATHERIS)/.ready
	$(ATHERIS)/$(BIN)/python -m tests.fuzz.guided $(or $(ROUNDS),3000000) $$STRESSER_FUZZ_SEED

# Stresser beside the floor, an hour; what else can be measured: bench/README.md.
bench: $(DEV)/.ready
	$(DEV)/$(BIN)/python -m bench.held

check: $(DEV)/.ready
	$(DEV)/$(BIN)/ruff format --check .
	$(DEV)/$(BIN)/ruff check .
	$(DEV)/$(BIN)/mypy
	$(DEV)/$(BIN)/lint-imports

format: $(DEV)/.ready
	$(DEV)/$(BIN)/ruff format .
	$(DEV)/$(BIN)/ruff check --fix .

# Packages come pinned and hashed; stresser itself comes from this tree, so it has no hash.
$(RUN)/.ready: constraints-run.txt pyproject.toml
	$(call make_venv,$(RUN))
	$(RUN)/$(BIN)/python $(PIP_INSTALL) --require-hashes -r constraints-run.txt
	$(RUN)/$(BIN)/python $(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

# Kerberos comes along where it can be compiled (libkrb5-dev, krb5-devel); its tests say if it is missing.
$(DEV)/.ready: constraints.txt constraints-kerberos.txt pyproject.toml
	$(call make_venv,$(DEV))
	$(DEV)/$(BIN)/python $(PIP_INSTALL) --require-hashes -r constraints.txt
	@! command -v krb5-config >/dev/null || CFLAGS=-O0 \
		$(DEV)/$(BIN)/python $(PIP_INSTALL) --require-hashes -r constraints-kerberos.txt \
		|| echo "Kerberos could not be compiled: its tests are left out, or fail in CI"
	$(DEV)/$(BIN)/python $(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(MITMPROXY)/.ready: constraints-mitmproxy.txt
	$(call make_venv,$(MITMPROXY))
	$(MITMPROXY)/$(BIN)/python $(PIP_INSTALL) --require-hashes -r constraints-mitmproxy.txt
	@touch $@

$(ATHERIS)/.ready: constraints-atheris.txt constraints-run.txt
	$(call make_venv,$(ATHERIS))
	$(ATHERIS)/$(BIN)/python $(PIP_INSTALL) --require-hashes -r constraints-run.txt -r constraints-atheris.txt
	@touch $@

define make_venv
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "stresser needs Python 3.11 or later; name one: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv --clear $(1) || \
		{ echo "no venv module; on Debian: apt-get install python3-venv"; exit 1; }
endef

# Pins the newest versions that pyproject.toml allows. Needs uv.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	--no-annotate --no-header --no-emit-index-annotation --no-emit-index-url --no-emit-find-links

lock:
	$(COMPILE) --extra dev --extra bench pyproject.toml .ci/build.in -o .lock.all
	$(COMPILE) -c .lock.all pyproject.toml .ci/build.in -o .lock.run
	$(COMPILE) .ci/mitmproxy.in -o .lock.mitmproxy
	$(COMPILE) .ci/atheris.in -o .lock.atheris
	$(COMPILE) .ci/kerberos.in -o .lock.kerberos
	@{ sed -n '/^#/!q; p' constraints.txt; cat .lock.all; } > .lock.new && mv .lock.new constraints.txt
	@{ sed -n '/^#/!q; p' constraints-run.txt; cat .lock.run; } > .lock.new && mv .lock.new constraints-run.txt
	@{ sed -n '/^#/!q; p' constraints-mitmproxy.txt; cat .lock.mitmproxy; } > .lock.new && mv .lock.new constraints-mitmproxy.txt
	@{ sed -n '/^#/!q; p' constraints-atheris.txt; cat .lock.atheris; } > .lock.new && mv .lock.new constraints-atheris.txt
	@{ sed -n '/^#/!q; p' constraints-kerberos.txt; cat .lock.kerberos; } > .lock.new && mv .lock.new constraints-kerberos.txt
	@rm -f .lock.all .lock.run .lock.mitmproxy .lock.atheris .lock.kerberos

clean:
	rm -rf $(RUN) $(DEV) $(MITMPROXY) $(ATHERIS) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
