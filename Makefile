# SPDX-License-Identifier: Apache-2.0
# The only entry point for development; `make help` lists the targets, V=1 shows the commands.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory --no-builtin-rules

ifeq ($(V),1)
Q :=
else
Q := @
endif

VENV_PYTHON := .venv/bin/python
OBJECTS := packages/sensors/src/tetragon_sensors/_objects
KERNEL ?= 6.1
LEVEL ?=
ARGS ?=
BENCH ?= bench

# What has to be set up for `make test`: everything, unless a level is named.
PARTS := $(or $(LEVEL),exe docs roots machine runtimes kubernetes vm-all)
# The levels that run the executable.
EXE_LEVELS := exe docs roots machine

TOX := .venv/bin/tox --current-env -q

.PHONY: help
help: ## show this list
	$(Q)sed -n 's/^\([a-z]*\):.*## /\1|/p' $(MAKEFILE_LIST) | \
		while IFS='|' read -r name text; do printf '  make %-8s %s\n' "$$name" "$$text"; done

.PHONY: setup
setup: ## install what development needs (system packages, .venv), if anything is missing
	$(Q)tools/setup dev

.PHONY: run
run: ## build, start the agent and print this host's events until Ctrl-C
	$(Q)tools/setup run
	$(Q)$(MAKE) bpf
	$(Q)$(VENV_PYTHON) tools/compile.py --optional
	$(Q)tools/run $(ARGS)

.PHONY: bpf
bpf: ## compile the BPF objects into the sensors package
	$(Q)$(MAKE) $(if $(Q),-s) -C bpf install

.PHONY: test
test: ## run every test this machine can run (LEVEL=unit for one tox environment)
	$(Q)tools/setup dev $(if $(filter $(EXE_LEVELS),$(PARTS)),dist) \
		$(if $(filter vm-% machine,$(PARTS)),vm) $(filter roots machine runtimes kubernetes,$(PARTS))
	$(Q)$(MAKE) bpf
	$(Q)$(if $(filter $(EXE_LEVELS),$(PARTS)),$(MAKE) dist)
	$(Q)$(VENV_PYTHON) tools/test $(LEVEL) $(ARGS)

.PHONY: vmtest
vmtest: ## run the kernel tests on another kernel: KERNEL=5.10, 6.1, 6.12 or newest (ARCH=arm64)
	$(Q)tools/setup dev vm $(if $(ARCH),$(ARCH))
	$(Q)$(MAKE) bpf
	$(Q)$(VENV_PYTHON) $(if $(ARCH),tools/$(ARCH) $(KERNEL) -- python3 -m pytest -p no:cacheprovider \
		--level kernel,tools/test vm-$(KERNEL)) $(ARGS)

.PHONY: dist
dist: ## build the one executable, dist/tetragon-mini
	$(Q)tools/setup dist
	$(Q)$(MAKE) bpf
	$(Q)$(VENV_PYTHON) tools/compile.py
	$(Q)$(VENV_PYTHON) tools/dist

.PHONY: packages
packages: ## build a .deb and an .rpm of the executable in dist/
	$(Q)tools/setup packages
	$(Q)$(MAKE) dist
	$(Q)$(VENV_PYTHON) tools/packages

.PHONY: release
release: ## build and test what is published of a version, in dist/release/ (a clean checkout only)
	$(Q)tools/setup dev dist
	$(Q)$(VENV_PYTHON) tools/release $(ARGS)

.PHONY: image
image: ## build the container image of dist/tetragon-mini, with buildah or podman
	$(Q)tools/image $(if $(ARCHIVE),--archive $(ARCHIVE)) $(NAME)

.PHONY: bench
bench: ## measure costs; figures and method are printed together
	$(Q)tools/setup dev vm
	$(Q)$(MAKE) bpf
	$(Q)$(VENV_PYTHON) tools/compile.py
	$(Q)PYTHONPATH=tools $(VENV_PYTHON) -m $(BENCH) $(ARGS)

.PHONY: lint
lint: ## check style, types, import directions and that generated files are fresh
	$(Q)tools/setup dev
	$(Q)$(MAKE) bpf
	$(Q)$(TOX) -e lint

.PHONY: format
format: ## rewrite Python and C in the project's form
	$(Q)tools/setup dev
	$(Q)$(VENV_PYTHON) -m ruff check --quiet --fix-only .
	$(Q)$(VENV_PYTHON) -m ruff format --quiet .
	$(Q)git ls-files '*.c' '*.h' | xargs -r .venv/bin/clang-format -i --style=file:bpf/.clang-format

.PHONY: codegen
codegen: ## regenerate the protobuf code, the record layouts, the reference
	$(Q)tools/setup dev
	$(Q)$(VENV_PYTHON) tools/gen_proto.py
	$(Q)$(MAKE) bpf
	$(Q)$(VENV_PYTHON) tools/gen_wire.py
	$(Q)$(VENV_PYTHON) tools/gen_options.py
	$(Q)$(VENV_PYTHON) tools/gen_metrics.py
	$(Q)$(VENV_PYTHON) tools/gen_crds.py
	$(Q)$(VENV_PYTHON) tools/gen_cli.py
	$(Q)$(VENV_PYTHON) tools/gen_events.py
	$(Q)$(VENV_PYTHON) tools/gen_policy_language.py
	$(Q)$(VENV_PYTHON) tools/gen_errors.py
	$(Q)$(VENV_PYTHON) tools/gen_contrib.py

.PHONY: lock
lock: ## resolve the lock files again (UPGRADE=1 moves to newer versions)
	$(Q)tools/setup dev
	$(Q)tools/lock $(if $(UPGRADE),--upgrade)

.PHONY: clean
clean: ## remove what was built; .venv and downloaded kernels stay
	$(Q)rm -rf dist .tox build/dist build/bpf build/compiled build/test $(OBJECTS)/*.bpf.o
	$(Q)find packages tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
