# `make run` serves the example mesh; `make test` proves what is claimed. Nothing else is needed but a Rust toolchain.

DIR ?= manifests/examples
ONLY ?=
MINUTES ?= 30
SECONDS ?= 60
PREFIX ?= /usr/local
SEEDS ?= 1000
SEED ?=
PLANTED ?=

.PHONY: run install test lint deny fmt interop bars torture soak sim fuzz

run: ## serve the example mesh (DIR=...) from an embedded store below ./data
	cargo run --release --quiet --bin mainsheet -- serve $(DIR) --data-dir data

install: ## the program below PREFIX, with its manual, what completes it, and the plugin `kubectl mcp`
	cargo build --release --quiet --bin mainsheet
	install -D -m 755 "$$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/mainsheet" \
		$(DESTDIR)$(PREFIX)/bin/mainsheet
	ln -sf mainsheet $(DESTDIR)$(PREFIX)/bin/kubectl-mcp
	ln -sf mainsheet $(DESTDIR)$(PREFIX)/bin/kubectl_complete-mcp
	$(DESTDIR)$(PREFIX)/bin/mainsheet man $(DESTDIR)$(PREFIX)/share/man/man1
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	$(DESTDIR)$(PREFIX)/bin/mainsheet completion bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/mainsheet
	$(DESTDIR)$(PREFIX)/bin/mainsheet completion zsh > $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_mainsheet
	$(DESTDIR)$(PREFIX)/bin/mainsheet completion fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/mainsheet.fish

test: ## every test that needs nothing installed
	cargo test --workspace --quiet --features mainsheet-bench/simulation

lint: ## formatting, clippy and docs, warnings as errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --features mainsheet-bench/simulation --quiet -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet

deny: ## licences, sources and duplicates of dependencies, as deny.toml has them; installs cargo-deny first
	.ci/deny

fmt: ## format the code
	cargo fmt --all

interop: ## the real istiod, istioctl and Envoy; installs them first (ONLY=name runs the scenarios that contain it)
	bench/interop/install.sh
	cargo build --quiet --bin mainsheet
	cargo run --quiet --bin mainsheet-interop -- $(ONLY)

bars: ## start-up, delivery, reads, writes, a restart under clients and sizes, measured on a release build (ONLY=name: such parts)
	cargo build --release --quiet --bin mainsheet
	cargo run --release --quiet --bin mainsheet-bars -- $(ONLY)

torture: ## what a release build has to stand; ONLY=name runs the rounds whose names contain it
	cargo build --release --quiet --bin mainsheet
	cargo run --release --quiet --bin mainsheet-bench -- torture $(ONLY)

soak: ## random load for MINUTES=30, while the server's memory and open files have to stay flat; plots them
	cargo build --release --quiet --bin mainsheet
	cargo run --release --quiet --bin mainsheet-bench -- soak --minutes $(MINUTES)

fuzz: ## cargo-fuzz (nightly) on whatever reads what others wrote, SECONDS=60 for each target (ONLY=name); installs it first
	.ci/fuzz "$(SECONDS)" "$(ONLY)"

sim: ## histories of whole servers under virtual time, SEEDS=1000 of them; SEED=n replays one, PLANTED=1 looks for planted faults
	cargo run --release --quiet --bin mainsheet-sim --features mainsheet-bench/simulation -- \
		--seeds $(SEEDS) $(if $(SEED),--seed $(SEED)) $(if $(PLANTED),--planted)
