# `make run` and `make test` work from a fresh clone on Debian 12 or newer, as root.

ifndef LANDBRIDGE_CONFIG
export LANDBRIDGE_STATE_DIR ?= $(CURDIR)/.landbridge
endif

PYTHON := .venv/bin/python
# Tests wait more than they compute: two workers for each core.
WORKERS := $(shell expr 2 \* $$(nproc))
# Deadlines end what will never come; a busy machine is no reason to fail (lab/patience.py).
LANDBRIDGE_PATIENCE ?= 3
PYTEST := LANDBRIDGE_PATIENCE=$(LANDBRIDGE_PATIENCE) $(PYTHON) -m pytest
# In this order; tests/conftest.py sees to it that there are no others.
GATEWAY_TESTS := tests/lab tests/gateway tests/faults tests/oracle tests/console/tunnels

.PHONY: run demo test test-kernel oracle lint audit bench soak packages-run packages-test packages-bench clean

## The service with its two-site lab, in the foreground; Ctrl-C takes it away.
run: packages-run .venv/.run
	@exec .venv/bin/landbridge serve --lab

## The story of a live update, told by itself in a minute.
demo: packages-run .venv/.run
	@exec .venv/bin/landbridge demo

## Lint and all tests, from nothing. Those on real gateways come by themselves, as they mostly wait:
## six files at once, the lab's first, which takes longest. Each part runs whatever became of the
## one before; red in any is red in the end.
test: packages-test .venv/.test .spectral/.done
	@code=0; \
	$(MAKE) --no-print-directory lint || code=1; \
	$(PYTEST) -n $(WORKERS) --dist loadfile -m "not soak and not gateway and not systemd" $(PYTEST_ARGS) || code=1; \
	$(PYTEST) -n 6 --dist loadfile --no-loadscope-reorder -m "gateway and not soak" \
		$(GATEWAY_TESTS) $(PYTEST_ARGS) || code=1; \
	exit $$code

## The same and more on a kernel with ESP and under systemd: in guests with Debian 12 and 13, built
## once and kept; KERNEL_ARGS="--short" for one test of each kind, "--help" for more.
test-kernel: .venv/.test
	@scripts/packages kernel
	$(PYTHON) -m tests.kernel $(KERNEL_ARGS)

## A real Networking server (of PyPI, in a virtual environment of its own) is asked what the tests
## of the inventory were recorded from, and landbridge beside it. ORACLE_ARGS="--record" keeps the
## answers; a pattern chooses cases: ORACLE_ARGS="'tags.*'".
oracle: .venv/.test
	@scripts/oracle
	$(PYTHON) -m tests.contract.oracle $(ORACLE_ARGS)

lint: .venv/.test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

## The packages of uv.lock among the known vulnerabilities; exit code 69 (make says so): the data
## cannot be reached from here, and nothing was checked.
audit:
	@scripts/audit

## The benchmarks, printed as tables.
bench: packages-bench .venv/.test
	$(PYTHON) -m bench $(BENCH_ARGS)

## Long runs: fuzzing, churn, restarts.
soak: packages-test .venv/.test
	$(PYTEST) --hypothesis-profile=random -m soak $(PYTEST_ARGS)

packages-run:
	@scripts/packages run

packages-test:
	@scripts/packages test

packages-bench:
	@scripts/packages bench

.venv/.run: uv.lock pyproject.toml
	@scripts/python run
	@touch $@

.venv/.test: uv.lock pyproject.toml
	@scripts/python test
	@touch $@ .venv/.run

.spectral/.done: uv.lock tests/openapi/package-lock.json
	@scripts/spectral
	@touch $@

## What make made, and what `make run` keeps in .landbridge (LANDBRIDGE_STATE_DIR elsewhere stays, as
## does an installed host's state): never under a landbridge that runs.
clean:
	@! test -e .landbridge/serve.lock || flock --nonblock .landbridge/serve.lock true || \
		{ echo "make run is running with $(CURDIR)/.landbridge: stop it first" >&2; exit 1; }
	rm -rf .landbridge
	rm -rf .venv .oracle .spectral .tools .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
