# The commands of this repository, on top of the presets of CMakePresets.json. Each works from a clean clone on a
# bare Debian 12 that has git and make: tools/bootstrap.sh installs what is missing. `make help` lists them.

PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
BUILD := build
# Tests of what parses other processes' bytes or counts shares: they run under ASan and UBSan in `make test` too;
# `make sanitizers` runs every test under both sanitizers.
SANITIZED := base_test os_test wire_test share_test arbiter_property_test telemetry_test apigen_test keeper_test \
  shim_opencl_parts_test shim_opencl_forwarding_test executor_graph_test keeper_sim_test placement_test queues_test \
  simulator_test
MINUTES ?= 10
space := $(subst ,, )

FUZZERS := $(patsubst fuzz/%_fuzz.cc,fuzz_%,$(wildcard fuzz/*_fuzz.cc))
PROGRAMS := flexai flexaid flexai-keeper flexai-executor flexai-opencl
VENV_PYTHON := $(BUILD)/venv/bin/python
LAUNCHER := $(if $(shell command -v ccache),-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
export FLEXAI_BUILD := $(CURDIR)/$(BUILD)/release
export FLEXAI_PYTHON := $(CURDIR)/$(VENV_PYTHON)

.DEFAULT_GOAL := help
.PHONY: help demo test bench conformance fuzz chaos install check format build sanitizers clean

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 22
	@printf '%s\n' '' '  variables: JOBS=n  PREFIX=path  SUITE=name (bench, conformance)  FULL=1 (conformance)  MINUTES=n (fuzz)'

build: ## build build/release: the programs and the shim
	tools/bootstrap.sh build
	cmake --preset release $(LAUNCHER)
	cmake --build --preset release -j $(JOBS) --target $(PROGRAMS)

test: ## build and run every test; the tests of the core again under ASan and UBSan
	tools/bootstrap.sh build test
	cmake --preset asan-ubsan $(LAUNCHER)
	cmake --build --preset asan-ubsan -j $(JOBS) --target $(SANITIZED)
	ctest --test-dir $(BUILD)/asan-ubsan -R '^($(subst $(space),|,$(strip $(SANITIZED))))$$' --output-on-failure
	cmake --preset dev $(LAUNCHER)
	cmake --build --preset dev -j $(JOBS)
	ctest --test-dir $(BUILD)/dev --output-on-failure

sanitizers: ## build and run every test under ASan with UBSan, then under TSan
	tools/bootstrap.sh build test
	for preset in asan-ubsan tsan; do \
	  cmake --preset $$preset $(LAUNCHER) && cmake --build --preset $$preset -j $(JOBS) && \
	  ctest --test-dir $(BUILD)/$$preset --output-on-failure || exit 1; \
	done

demo: build $(VENV_PYTHON) ## three AI tasks on one device: one by one, all at once, on vXPUs
	tools/bootstrap.sh demo
	cmake --build --preset release -j $(JOBS) --target flexai-demo flexai-demo-batch flexai-bench-client flexai-busy-layer
	demo/run

bench: build ## measure: SUITE=runtime (the default, against the native path) or placement
	tools/bootstrap.sh bench
	cmake --build --preset release -j $(JOBS) --target flexai-bench flexai-bench-client flexai-busy-layer
	bench/run $(or $(SUITE),runtime)

conformance: build $(VENV_PYTHON) ## run programs written by others natively and through flexai, and compare: SUITE=, FULL=1
	tools/bootstrap.sh conformance
	tests/conformance/run $(SUITE)

fuzz: ## run every fuzzer of fuzz/ for MINUTES=10 in all
	tools/bootstrap.sh build fuzz
	cmake --preset fuzz
	cmake --build --preset fuzz -j $(JOBS) --target $(FUZZERS)
	tools/fuzz.sh $(BUILD)/fuzz $(MINUTES)

chaos: build ## kill daemon, keepers, executors and applications at random, 200 times
	tools/bootstrap.sh conformance
	cmake --build --preset release -j $(JOBS) --target flexai-chaos chaos_worker
	tests/chaos/run

install: build ## install to PREFIX=/usr/local (DESTDIR= is honoured)
	cmake --install $(BUILD)/release --prefix $(PREFIX)

check: ## formatting, clang-tidy and the repository check
	tools/bootstrap.sh build check
	cmake --preset dev $(LAUNCHER)
	tools/lint.sh $(BUILD)/dev

format: ## apply clang-format to every source file
	tools/bootstrap.sh check
	git ls-files '*.cc' '*.h' '*.c' | xargs clang-format-14 -i

clean: ## delete build/
	rm -rf $(BUILD)

$(VENV_PYTHON): tools/requirements.txt
	tools/bootstrap.sh python
	tools/venv.sh $(BUILD)/venv tools/requirements.txt
