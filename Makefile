# Every command a user needs; `make` alone lists them. Variables after the target reach the command as its environment:
#   make run STORE=online_retail DAY=2011-10-31 PRODUCTS=recommendations
SHELL := /bin/sh
.DEFAULT_GOAL := help

SYSTEM_PYTHON := $(shell command -v python3.11 || command -v python3 || echo python3.11)
PYTHON := .venv/bin/python
NIGHTS := $(PYTHON) -m jobs.lib.nights
JOBS := $(PYTHON) -m jobs

STORE ?=
DAY ?=
FROM ?=
TO ?=
TABLE ?=
PRODUCT ?=
BY ?=
WHY ?=
BENCH ?= all
TESTS ?= tests
ifneq ($(STORE),)
export DAYBREAK_STORE := $(STORE)
endif
# Python keeps its bytecode whatever the shell says: without it each stage of a night compiles thousands of modules anew.
export PYTHONDONTWRITEBYTECODE :=

# The command stops with what is missing, and how to say it.
need = $(if $($(1)),,$(error $(1) is missing: make $@ $(2)))

.PHONY: help setup demo test slow run check backfill repair maintenance up down report lineage releases rollback bench lint lock

help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

setup: ## packages, Java and jars into .venv (the only step that needs the network; quick when done)
	@$(SYSTEM_PYTHON) jobs/lib/setup.py

demo: setup ## a simulated store's history and two nights through Airflow, and a report to open
	@$(NIGHTS) demo

# Whole nights: of the simulated store, on a cluster, on S3, several in a row, on a full disk. Minutes each.
SLOW := $(addprefix tests/e2e/test_,$(addsuffix .py,backfill elsewhere fourteen_nights truth))
SLOW += $(addprefix tests/faults/test_,$(addsuffix .py,full_disk s3))

test: setup ## lint, types and the tests
	@$(SYSTEM_PYTHON) jobs/lib/setup.py --tests
	@$(MAKE) --no-print-directory lint
	@$(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(TESTS) $(addprefix --ignore=,$(SLOW))

slow: export DAYBREAK_S3A ?= 1
slow: export DAYBREAK_SPARK_OPTIONS ?=
slow: setup ## the slow tests: whole nights, on a cluster, on S3, many in a row
	@$(PYTHON) -m pytest $(SLOW)

lint: setup ## ruff and mypy
	@.venv/bin/ruff check .
	@.venv/bin/mypy

run: setup ## STORE=name-or-folder DAY=2011-10-31: one whole night through Airflow
	$(call need,STORE,STORE=online_retail DAY=2011-10-31)$(call need,DAY,STORE=$(STORE) DAY=2011-10-31)
	@$(NIGHTS) run --store "$(STORE)" --day $(DAY)

check: setup ## STORE=…: tries a store's folder in a minute; writes nothing
	$(call need,STORE,STORE=online_retail)
	@$(JOBS) check --store "$(STORE)"

backfill: setup ## STORE=… FROM=… TO=…: the nights of a range, in order
	$(call need,STORE,STORE=online_retail FROM=2011-10-01 TO=2011-10-07)$(call need,FROM,STORE=$(STORE) FROM=2011-10-01 TO=2011-10-07)$(call need,TO,STORE=$(STORE) FROM=$(FROM) TO=2011-10-07)
	@$(NIGHTS) backfill --store "$(STORE)" --from $(FROM) --to $(TO)

repair: setup ## STORE=…: late files count from their own days, and the nights that used them run again
	$(call need,STORE,STORE=online_retail)
	@$(NIGHTS) repair --store "$(STORE)"

maintenance: setup ## STORE=…: drops what has expired as of DAY (the newest night), compacts and vacuums the lake
	@$(JOBS) maintenance --as-of $(or $(DAY),$(shell date -u +%F)) $(if $(STORE),--store "$(STORE)")

up: setup ## the platform to look at: Airflow's UI and scheduler; Ctrl-C ends it
	@$(NIGHTS) up

down: setup ## ends what `make up` started
	@$(NIGHTS) down

report: setup ## STORE=… DAY=…: the report of a night, one HTML file; prints its path
	$(call need,STORE,STORE=online_retail DAY=2011-10-31)$(call need,DAY,STORE=$(STORE) DAY=2011-10-31)
	@$(JOBS) report --store "$(STORE)" --as-of $(DAY)

lineage: setup ## TABLE=recommendations.for_customer DAY=…: what made a table's day
	$(call need,TABLE,TABLE=recommendations.for_customer DAY=2011-10-31)$(call need,DAY,TABLE=$(TABLE) DAY=2011-10-31)
	@$(JOBS) lineage --table $(TABLE) --as-of $(DAY) $(if $(STORE),--store "$(STORE)")

releases: setup ## what was published
	@$(JOBS) releases $(if $(STORE),--store "$(STORE)")

rollback: setup ## PRODUCT=… TO=<release, day, previous, latest or lift> WHY=…: the way back, and forward
	$(call need,TO,PRODUCT=recommendations TO=previous)
	@$(JOBS) rollback --to $(TO) $(if $(STORE),--store "$(STORE)") $(if $(PRODUCT),--product $(PRODUCT)) \
		$(if $(BY),--by "$(BY)") $(if $(WHY),--why "$(WHY)")

bench: setup ## BENCH=recommendations|night|scale|…: every figure that the README claims, beside its peers
	@$(PYTHON) -m benchmarks $(BENCH)

lock: setup ## requirements.in -> requirements.txt
	@.venv/bin/uv pip compile requirements.in -o requirements.txt --python-version 3.11 --generate-hashes --no-header -q
