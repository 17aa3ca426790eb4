PYTHON ?= python3
GOAROUND := .venv/bin/goaround
READY := .venv/.ready
# `make bench TARGET=cluster CONTEXT=name` measures in a cluster. Commands of this machine alone are told as well: they
# refuse, where they would else act here without a word.
WHERE := $(if $(TARGET),--target $(TARGET)) $(if $(CONTEXT),--context $(CONTEXT))
# One target for each of `goaround demo list`, by its name.
DEMOS := deploy-app-default deploy-istio-default health start-cameras stop-cameras load load-front \
	cpanel-50-50 cpanel-v2 cpanel-admin scale_v2_x3 round_robin random least-request scale_v2_x1 \
	fault-injection-500 fault-injection-delay10 timeout health-timeout retries-fault retries health-retries \
	circuit-breaker outlier-scale outlier-fault outlier health-outlier health-checks \
	mtls authorization mirror egress default-reset all-reset

.DEFAULT_GOAL := help
.PHONY: help setup bench bench-mode-library bench-mode-mesh smoke selftest test test-cluster lint types image lock up down status load-ui kiali grafana clean demos demo-all tutorial $(DEMOS)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv/ from the lock (every other target does this first)

bench: $(READY) ## none, library and mesh compared, about ten minutes; in a cluster with TARGET=cluster (CONTEXT=name)
	@$(GOAROUND) bench $(WHERE) $(ARGS)

bench-mode-library: $(READY) ## the library arm alone; the side-by-side table once both arms have run
	@$(GOAROUND) bench --arm library $(WHERE) $(ARGS)

bench-mode-mesh: $(READY) ## the mesh arm alone; the side-by-side table once both arms have run
	@$(GOAROUND) bench --arm mesh $(WHERE) $(ARGS)

smoke: $(READY) ## library and mesh, two scenarios, once: under a minute
	@$(GOAROUND) bench --profile smoke $(WHERE) $(ARGS)

selftest: $(READY) ## what is known beforehand, measured: is the harness to be believed?
	@$(GOAROUND) selftest $(WHERE) $(ARGS)

test: $(READY) ## every test
	@.venv/bin/python -m pytest -n auto $(ARGS)

test-cluster: $(READY) ## the tests on a real cluster with Istio and the image, one world at a time (CONTEXT=name)
	@GOAROUND_TEST_CLUSTER=$(or $(CONTEXT),current) .venv/bin/python -m pytest tests/cluster $(ARGS)

lint: $(READY) ## ruff: rules and format
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .

types: $(READY) ## mypy --strict
	@.venv/bin/mypy

up: $(READY) ## start a world that stays (ARGS="--mode mesh")
	@$(GOAROUND) up $(WHERE) $(ARGS)

load-ui: $(READY) ## a world and Locust's web UI: run scenarios in any mode, and watch (ARGS="--mode mesh")
	@$(GOAROUND) load-ui $(WHERE) $(ARGS)

status: $(READY) ## the pods of the running worlds
	@$(GOAROUND) status $(WHERE) $(ARGS)

grafana: $(READY) ## the running worlds for Prometheus and Grafana, and how to start both
	@$(GOAROUND) grafana $(WHERE)

kiali: $(READY) ## the live call graph of a running world, in a browser on this machine
	@$(GOAROUND) watch --web $(WHERE) $(ARGS)

down: $(READY) ## end the worlds that stayed
	@$(GOAROUND) down $(WHERE) $(ARGS)

demos: $(READY) ## the demonstrations: each is a target of its own, such as `make cpanel-50-50` (TARGET=cluster)
	@$(GOAROUND) demo list

demo-all: $(READY) ## every demonstration in order, in a world of its own (ARGS="--mode library", ARGS="--fresh", TARGET=cluster)
	@$(GOAROUND) demo all $(WHERE) $(ARGS)

$(DEMOS): $(READY)
	@$(GOAROUND) demo $@ $(WHERE) $(ARGS)

image: $(READY) ## the images of services and harness, for a cluster, by docker, podman or buildah (ARGS="--save goaround.tar")
	@$(GOAROUND) image $(ARGS)

tutorial: $(READY) ## run what docs/tutorial.md shows, and write the outputs anew
	@$(GOAROUND) tutorial $(WHERE) $(ARGS)

lock: ## write requirements.lock anew from pyproject.toml (needs uv)
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --extra dev --python-version 3.11 --upgrade pyproject.toml -o requirements.lock

clean: ## end the worlds that stayed, and remove .venv/ and .goaround/
	@[ ! -x $(GOAROUND) ] || $(GOAROUND) down || { echo "worlds may still run, so nothing is removed; if none does: rm -rf .venv .goaround" >&2; exit 1; }
	rm -rf .venv .goaround

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit("goaround needs Python 3.11 or newer; $(PYTHON) is %d.%d. Try: make PYTHON=python3.12 ..." % v[:2] if v < (3, 11) else 0)'
	@rm -rf .venv
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
