# SPDX-License-Identifier: MIT OR Apache-2.0
# The developer's targets. Each works from a fresh clone on Debian 12; `make help` lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
PY_PATHS := firmware/micropython host tests tools benchmarks
SETUP = . tools/lib/setup.sh && setup_packages
C_FILES = $(wildcard firmware/c_pqc/*/*.c firmware/c_pqc/*/*.h)

.PHONY: help setup check check-static check-tests format test demo docs firmware bench bench-link bench-peers bench-pqc interop fuzz coverage clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: ## the Python environment (.venv) from the lock file
	@$(SETUP) base compiler headers && setup_python && setup_native

check: check-static check-tests ## format, lint, types, unit tests, architecture: under two minutes

check-static: setup
	$(PYTHON) -m ruff format --check --quiet $(PY_PATHS)
	$(PYTHON) -m ruff check --quiet $(PY_PATHS)
	$(PYTHON) -m mypy --no-error-summary
	$(PYTHON) -m tools.wire_doc --check
	@if command -v clang-format >/dev/null; then \
		clang-format --dry-run -Werror $(C_FILES); \
	else echo "skipped: the form of the C sources (apt-get install clang-format)"; fi

check-tests: setup
	$(PYTHON) -m pytest -q -n 2 -m "not slow and not firmware and not nightly" tests/unit

format: setup ## rewrite the sources to the house format
	$(PYTHON) -m ruff format $(PY_PATHS)
	$(PYTHON) -m ruff check --fix --quiet $(PY_PATHS)

test: ## every test on rungs L0 to L3 (see tools/test --help)
	./tools/test

demo: ## the main job, on an emulated board (see tools/demo --help)
	./tools/demo

docs: setup ## generate docs/wire.md from the wire tables
	$(PYTHON) -m tools.wire_doc

firmware: ## every firmware image: unix, QEMU, Pico and native modules
	@$(SETUP) base compiler source emulator unix unix32 riscv pico && setup_python \
		&& setup_images unix64 unix32 qemu-an385 qemu-an386 qemu-an500 pico pico2 pico-bootstub \
		mpy-x64 mpy-armv6m mpy-armv7m mpy-armv7emsp mpy-rv32imc stock-rv32
	$(PYTHON) -m tools.firmware list

bench: setup ## every figure this project states, measured here and now (ONLY="quic nat": some)
	PYTHONPATH=build/bench $(PYTHON) -m benchmarks $(ONLY)

bench-link: setup ## time to a session per mode, link and loss, beside the predictions
	$(PYTHON) -m benchmarks.link

bench-peers: setup ## what the QUIC figures are compared with, and is no dependency: qh3, liboqs-python
	$(PYTHON) -m pip install --quiet --target build/bench --no-deps qh3==2.1.0 liboqs-python==0.16.0.1

bench-pqc: ## cycles, RAM and code size of the C crypto, per core
	@$(SETUP) base compiler tools emulator riscv && setup_python
	$(PYTHON) -m benchmarks.pqc --peers

interop: ## against the real ant-quic, built by cargo from the Rust registry, and OpenSSL's QUIC
	@$(SETUP) base compiler && setup_python
	$(PYTHON) -m tools.interop.openssl
	$(PYTHON) -m tools.interop

fuzz: setup ## the parsers of the QUIC side and of broadcasts, guided by coverage (SECONDS_EACH=60, TARGETS="tls_server ...")
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes --upgrade \
		--target build/fuzz-tools -r requirements/fuzz.txt
	PYTHONPATH=tests:firmware/micropython:host:build/fuzz-tools \
		$(PYTHON) -m fuzz --seconds $(or $(SECONDS_EACH),60) $(TARGETS)

coverage: setup ## line and branch coverage of pqmesh, each file by its own tests
	$(PYTHON) -m tools.coverage_map

clean: ## remove everything that was built (not the Python environment)
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
