# Two commands matter: `make demo` and `make test`. Each sets up all it needs; `make help` lists the rest.

.NOTPARALLEL:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Any Python will do to start: tests/bootstrap.py picks the one that fits, or says what is missing.
# PYTHON=/path/to/python makes .venv anew with that one.
ANY_PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
  "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 7))' >/dev/null 2>&1 && echo "$$p" && break; done)
BOOTSTRAP := $(or $(ANY_PYTHON),no-python) tests/bootstrap.py $(if $(PYTHON),--python $(PYTHON))
BIN := .venv/bin

.PHONY: help demo test bench bench-harm bench-judge chaos fuzz mutants unit sim lab lint crds lock clean env env-lab have-python

help:  ## list the targets
	@echo "make TARGET, where TARGET is one of"
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: env-lab  ## play three releases on real components; JSON=FILE for the numbers, KEEP=1 to look around after
	$(BIN)/python -m tests.lab demo $(if $(JSON),--json $(JSON)) $(if $(KEEP),--keep)

test: env-lab lint unit  ## everything CI runs: lint, unit, simulation, and the tests on real components
	$(BIN)/python -m pytest -m sim
	$(BIN)/python -m tests.lab exec -- $(CURDIR)/$(BIN)/python -m pytest -m lab

bench: env-lab  ## what many rollouts cost, on a real API server; SIZES=100,1000,5000 PAUSE=1s JSON=FILE
	$(BIN)/python -m tests.bench $(if $(SIZES),--sizes $(SIZES)) $(if $(PAUSE),--pause $(PAUSE)) $(if $(JSON),--json $(JSON))

bench-harm: env-lab  ## what bad and good releases cost users under load, an hour; ROWS=a,b N=5 GOOD=40 JSON=FILE PAGE=FILE
	$(BIN)/python -m tests.bench_harm $(if $(ROWS),--rows $(ROWS)) $(if $(N),--n $(N)) $(if $(GOOD),--good $(GOOD)) \
	  $(if $(JSON),--json $(JSON)) $(if $(PAGE),--page $(PAGE))

bench-judge: env  ## how well compare decides, beside threshold rules, in a quarter of an hour; QUICK=1 SEED=… PAGE=FILE
	$(BIN)/python -m tests.bench_judge $(if $(QUICK),--quick) $(if $(SEED),--seed $(SEED)) $(if $(PAGE),--page $(PAGE))

chaos: env-lab  ## releases under load while everything breaks, about 20 minutes; SEED=… MINUTES=… REPLICAS=2 JSON=FILE
	$(BIN)/python -m tests.lab chaos $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) \
	  $(if $(REPLICAS),--replicas $(REPLICAS)) $(if $(JSON),--json $(JSON))

fuzz: env  ## hostile specs, conditions, answers, objects: N=100000 SEED=0; N=1 TARGET=… replays one
	$(BIN)/python -m tests.fuzz -n $(or $(N),100000) --seed $(or $(SEED),0) $(if $(TARGET),--target $(TARGET))

mutants: env  ## put defects into copies of the code and see whether the tests see them; PART=seeded or general
	$(BIN)/python -m tests.mutants $(PART)

unit: env  ## the tests that need no lab, in a minute and a half; ARGS="-k name" picks some
	$(BIN)/python -m pytest -m "not lab and not sim" $(ARGS)

sim: env  ## N simulated schedules from SEED on, on all cores; N=1 replays one; stop and go on as you like
	$(BIN)/python -m tests.sim --schedules $(or $(N),3000) --seed $(or $(SEED),1) $(ARGS)

lab: env-lab  ## bring the lab up, say how to reach it, stay until Ctrl-C
	$(BIN)/python -m tests.lab up

lint: env  ## ruff, mypy --strict and the contract between the rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --cache-dir build/import-linter

crds: env  ## write crds/ anew from the models
	$(BIN)/davy crds --output crds

lock: env  ## write requirements/*.lock anew; UPGRADE=1 to newer versions (needs uv)
	@command -v uv >/dev/null || { echo "error: make lock needs uv on the PATH."; exit 1; }
	uv pip compile $(LOCK_FLAGS) --output-file requirements/runtime.lock requirements/runtime.in
	uv pip compile $(LOCK_FLAGS) --constraints requirements/runtime.lock \
	  --output-file requirements/dev.lock requirements/dev.in requirements/lab.in

LOCK_FLAGS := --quiet --universal --python-version 3.11 --generate-hashes --no-header $(if $(UPGRADE),--upgrade)

clean:  ## remove .venv and build/ with all caches in it; the lab's programs stay in theirs
	rm -rf .venv build dist operator/davy.egg-info
	find operator tests -name __pycache__ -type d -prune -exec rm -rf {} +

env: have-python
	@$(BOOTSTRAP)

env-lab: have-python
	@$(BOOTSTRAP) --lab

have-python:
	@$(if $(ANY_PYTHON),:,echo "error: Davy needs Python 3.11 or newer with venv and ensurepip; found no python3 on the PATH."; exit 1)
