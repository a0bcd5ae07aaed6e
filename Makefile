# Two commands do everything: `make demo` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
CARGO ?= cargo
export CARGO_TERM_COLOR ?= auto

.PHONY: help demo test test-clients lint codegen check-generated golden soak fuzz bench build release

help: ## Lists the targets.
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## Builds the suite, loads a product with its data, asks decisions over gRPC and keeps serving (ONCE=1 stops after the table).
	$(CARGO) build --quiet --package bailiwick
	@"$$($(CARGO) metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug/bailiwick" demo $(if $(ONCE),--once)

test: servers ## Installs what the tests need and runs all that need no other language.
	$(CARGO) build --workspace --bins
	$(CARGO) test --workspace
	$(CARGO) test --package bailiwick --features testing --test live

.PHONY: servers
servers:
	@scripts/install-servers.sh

test-clients: ## Runs the checks that need other languages: protos (npm), a client in Python, the Helm chart (Go).
	scripts/test-clients.sh

lint: ## Formatting, clippy, dependency rules.
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) xtask check

codegen: ## Makes the generated code and the lists of docs/reference.
	$(CARGO) xtask codegen

check-generated: ## Fails where a generated file is stale.
	$(CARGO) xtask codegen --check

golden: ## Writes the golden files anew; look at the difference before you commit it.
	UPDATE_GOLDEN=1 $(CARGO) test --workspace

soak: servers ## The long tests: 50 kills instead of 10, more seeds, every scenario on three processes, times of refusals.
	BAILIWICK_SOAK=1 $(CARGO) test --package bailiwick --test faults -- --nocapture
	BAILIWICK_SOAK=1 $(CARGO) test --package bailiwick --features testing --test live all_other_scenarios
	BAILIWICK_SOAK=1 $(CARGO) test --package bailiwick --test methods no_method_tells -- --nocapture --test-threads 1

FUZZ_SECONDS ?= 600
fuzz: ## Feeds the readers of manifests, conditions, requests and cached values what nobody would write (nightly; FUZZ_SECONDS=600 each).
	@command -v cargo-fuzz >/dev/null || $(CARGO) install --locked cargo-fuzz
	cd fuzz && for target in manifest condition cached request part; do \
	  $(CARGO) +nightly fuzz run --sanitizer none --features server $$target -- -max_total_time=$(FUZZ_SECONDS) -timeout=20 || exit 1; done

release: ## The binaries of the image and the benchmarks: slow to build, fast to run.
	$(CARGO) build --profile dist --package bailiwick --package bailiwick-bench

# One set of features for all, so that nothing is built twice.
MEASURED := --profile dist --package bailiwick --package bailiwick-bench --features bailiwick/testing
BENCH_SECONDS ?= 20
bench: servers ## The figures of docs/performance.md: engine, warm checks, slow clients, revocation, pooler (BENCH_SECONDS=20).
	$(CARGO) bench --package bailiwick-policy
	$(CARGO) build $(MEASURED) --bins --bench suite
	target/dist/bailiwick-bench check --seconds $(BENCH_SECONDS)
	target/dist/bailiwick-bench slow-clients --seconds $(BENCH_SECONDS)
	$(CARGO) bench $(MEASURED) --bench suite
