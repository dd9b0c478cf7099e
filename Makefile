# The one toolbox. `demo` and `test` need nothing but Python >= 3.11 with venv and pip.
# PYTHON picks the interpreter; by default the first of these that is new enough.
PYTHON ?= $(shell for p in /usr/bin/python3 /usr/local/bin/python3 python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
UV := .tools/bin/uv
POINTS ?= 20000
MINUTES ?= 10
CASES ?= 200
SEED ?= 1
WORKERS ?= $(shell nproc 2>/dev/null || echo 1)
# They mostly wait for processes, so one more than there are cores; each has a whole Setpoint.
TESTERS ?= $(shell n=$$(nproc 2>/dev/null || echo 1); echo $$(( n < 3 ? n + 1 : 4 )))
T ?=
# The machine's own trust store, so that a company's certificate authority is honoured.
export UV_SYSTEM_CERTS = 1
export UV_NO_CONFIG = 1
export UV_NO_PROGRESS = 1

.DEFAULT_GOAL := help
.PHONY: help demo test lint format bench simulate mutants soak fuzz proven matrix rehearsals lock clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' Makefile | sed 's/:.*##/\t/' | expand -t 14

demo: $(VENV)/.runtime ## start Setpoint, deploy a function and an app, call both, ask why, stop
	@$(BIN)/python -m examples.demo

test: $(VENV)/.dev $(VENV)/.clients ## every test this user may run here; T='-k name' narrows, T=-n0 is one by one
	@$(BIN)/python -m pytest -n $(TESTERS) --no-loadscope-reorder $(T)

lint: $(VENV)/.dev ## format, lint, types, floors
	@$(BIN)/ruff format --check src tests bench examples
	@$(BIN)/ruff check src tests bench examples
	@$(BIN)/basedpyright
	@$(BIN)/lint-imports

format: $(VENV)/.dev ## put the code in form
	@$(BIN)/ruff format src tests bench examples
	@$(BIN)/ruff check --fix src tests bench examples

mutants: $(VENV)/.dev ## take each guard away in turn: somebody must miss it; writes docs/mutants.md
	@$(BIN)/python -m tests.mutants --workers $(WORKERS)

simulate: $(VENV)/.dev ## POINTS simulated crash points on every core; one JSON object last
	@$(BIN)/python -m setpoint.testing.simulate --points $(POINTS) --workers $(WORKERS)

soak: $(VENV)/.dev ## kill everything at random for MINUTES, under load; SEED; exit 1 when violated
	@$(BIN)/python -m tests.soak --minutes $(MINUTES) --seed $(SEED) --keep

fuzz: $(VENV)/.dev ## CASES strange requests to each route of the API; SEED; exit 1 when one fails
	@$(BIN)/python -m tests.fuzz --cases $(CASES) --seed $(SEED)

proven: $(VENV)/.dev $(VENV)/.clients ## run the clients of Heroku's; writes which routes they used
	@PROVEN=write $(BIN)/python -m pytest -q tests/acceptance/test_git_push.py tests/acceptance/test_heroku_*.py

matrix: $(VENV)/.dev $(VENV)/.clients ## every test of Heroku's command line with each major of it
	@for major in 11 10 9; do HEROKU_MAJOR=$$major $(BIN)/python -m pytest -q tests/acceptance/test_git_push.py \
		tests/acceptance/test_heroku_cli.py tests/acceptance/test_people.py || exit 1; done
	@$(BIN)/python -m pytest -q tests/acceptance/test_heroku_script.py

rehearsals: $(VENV)/.dev ## play tests/rehearsals again; read what changed in their transcripts
	@$(BIN)/python -m tests.rehearsals

bench: bench-sandbox bench-cold bench-edge bench-adopt bench-memory bench-redeploy bench-rollback bench-build bench-store bench-steps bench-why bench-api bench-push ## measure; writes docs/benchmarks.md
	@$(BIN)/python -m bench.report

bench-report: $(VENV)/.dev
	@$(BIN)/python -m bench.report

bench-%: $(VENV)/.dev
	@$(BIN)/python -m bench.run $*

lock: $(UV) ## resolve requirements/*.txt and the static sites' server anew
	@cd requirements && for set in runtime dev; do \
		../$(UV) pip compile -q --no-header --no-annotate --universal --python-version 3.11 --generate-hashes \
		$$( [ $$set = dev ] && echo --group ../pyproject.toml:dev ) ../pyproject.toml -o $$set.txt || exit 1; done
	@cd requirements && ../$(UV) pip compile -q --no-header --no-annotate --universal --python-version 3.11 \
		--generate-hashes static_site.in -o ../src/setpoint/workers/static_site/requirements.txt

clean: ## forget what was installed here
	rm -rf $(VENV) .tools tests/clients/node_modules tests/clients/*/node_modules

$(UV): requirements/uv.txt
	@test -n "$(PYTHON)" || { echo "cannot set up Setpoint: no Python >= 3.11 with venv and pip was found"; \
		echo "install python3 and python3-venv, or name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -m venv .tools
	@.tools/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $(UV)

$(VENV)/.venv: $(UV)
	@$(UV) venv -q --allow-existing --python $(PYTHON) $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.venv requirements/runtime.txt
	@test -f $(VENV)/.dev || $(UV) pip sync -q --python $(BIN)/python --require-hashes requirements/runtime.txt
	@site=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
		printf '%s\n%s\n' "$(CURDIR)/src" "$(CURDIR)" > $$site/setpoint.pth
	@printf '%s\n' '#!/bin/sh' "'''exec' '$(CURDIR)/$(BIN)/python' \"\$$0\" \"\$$@\"" "' '''" \
		'import sys' 'from setpoint.cli.main import main' 'sys.exit(main())' > $(BIN)/setpoint
	@chmod 755 $(BIN)/setpoint
	@touch $@

# Clients of the API that are not ours; without npm their tests are skipped and say so.
$(VENV)/.clients: $(VENV)/.venv tests/clients/package-lock.json $(wildcard tests/clients/*/package-lock.json)
	@if command -v npm >/dev/null 2>&1; then for client in tests/clients tests/clients/heroku-*; do \
			npm ci --loglevel=error --prefix $$client || exit 1; done; \
		else echo "without npm: what tests Heroku's command line is skipped"; fi
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	@$(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@touch $@
