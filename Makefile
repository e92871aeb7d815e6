# `make run` serves the example mesh; `make test` proves what is claimed. Nothing else is needed but a Rust toolchain.

DIR ?= manifests/examples
ONLY ?=

.PHONY: run test lint deny fmt interop bars

run: ## serve the example mesh (DIR=...) from an embedded store below ./data
	cargo run --release --quiet --bin mainsheet -- serve $(DIR) --data-dir data

test: ## every test that needs nothing installed
	cargo test --workspace --quiet

lint: ## formatting, clippy and docs, warnings as errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet

deny: ## licences, sources and duplicates of dependencies, as deny.toml has them; installs cargo-deny first
	.ci/deny

fmt: ## format the code
	cargo fmt --all

interop: ## the real istiod, istioctl and Envoy; installs them first (ONLY=name runs the scenarios that contain it)
	bench/interop/install.sh
	cargo build --quiet --bin mainsheet
	cargo run --quiet --bin mainsheet-interop -- $(ONLY)

bars: ## start-up, taking in, delivery, validation and a restart under clients, measured on a release build
	cargo build --release --quiet --bin mainsheet
	cargo run --release --quiet --bin mainsheet-bars
