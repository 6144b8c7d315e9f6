# Two commands matter: `make demo` and `make test`. Both set up .venv first and need only Python >= 3.11 and a package index.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	if command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	then echo $$p; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test check lint types docs bench reference wheel clean

demo: $(READY)  ## run one scenario and print the comparison
	$(BIN)/rallsim run scenarios/bridging_before_car_t.yaml

test: $(READY)  ## all tests
	$(BIN)/python -m pytest -n 2

check: $(READY) lint types  ## what to run before every commit: under two minutes
	$(BIN)/python -m pytest -n 2 -m "not slow"

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(READY)
	$(BIN)/mypy

docs: $(READY)  ## renew what tools write: docs/pathway.md, docs/api.md, the list of messages
	for tool in diagram api_page messages; do $(BIN)/python tools/$$tool.py || exit 1; done

bench: $(READY)  ## speeds as ratios in one run; not part of the tests
	$(BIN)/python -m pytest benchmarks -q --benchmark-timer=time.process_time --benchmark-sort=name --benchmark-columns=median,iqr,min,rounds

wheel: $(READY)
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "rallsim needs Python 3.11 or newer"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

reference: $(READY)  ## small committed results of the shipped scenarios; a change shows which numbers moved
	for scenario in scenarios/*.yaml; do \
	  $(BIN)/rallsim run $$scenario --patients 2000 --out build/reference/$$(basename $$scenario .yaml) >/dev/null && \
	  cp build/reference/$$(basename $$scenario .yaml)/summary.csv results/reference/$$(basename $$scenario .yaml).csv || exit 1; \
	done
	$(BIN)/python tools/curves_page.py
	$(BIN)/rallsim validate --out build/reference/validate >/dev/null
	mkdir -p results/reference/validation
	cp $(addprefix build/reference/validate/,scores.csv validation.csv calibration.png posterior.png) results/reference/validation/
