# Everything a developer needs, by name. `make` lists it.
.DEFAULT_GOAL := help
SHELL := bash

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: peers ## Show the main job on real peers: builds of every fate, live
	cargo build --workspace --all-targets --locked
	target/debug/demo

.PHONY: test
test: peers ## Everything that CI runs: formatting, lints, docs, boundaries, unit and end-to-end tests
	tests/scripts/test.sh

.PHONY: peers
peers: rabbitmq control-plane helm ## Make sure of the real peers that tests and demo start

.PHONY: rabbitmq
rabbitmq: ## Make sure of RabbitMQ (installs the distribution's package as root, or uses AMQP_URL)
	@tests/scripts/rabbitmq.sh

.PHONY: control-plane
control-plane: ## Build the Kubernetes control plane once (about 5 minutes, then cached)
	@tests/control-plane/build.sh

.PHONY: helm
helm: ## Build helm once, for the chart's tests (or set HELM to yours)
	@tests/scripts/helm.sh >/dev/null

.PHONY: real-node
real-node: ## Build kubelet and take containerd and runc, for a real node (a minute after the control plane, then cached)
	@tests/node/build.sh >/dev/null

.PHONY: test-real-node
test-real-node: ## Builds and the installed chart on a real kubelet and containerd (needs root, about 5 minutes)
	@tests/scripts/real_node.sh

.PHONY: chart-docs
chart-docs: ## Write the table of the chart's values anew
	@sed -i '/^| value /,$$d' deploy/chart/README.md
	@{ printf '| value | default | meaning |\n|---|---|---|\n'; awk -f deploy/chart/values.awk deploy/chart/values.yaml; } \
	  >>deploy/chart/README.md

.PHONY: fmt
fmt: ## Format the code
	cargo fmt --all

.PHONY: lint
lint: ## Lints and boundaries, as CI has them
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy --workspace --test real_node --locked -- -D warnings
	tests/scripts/boundaries.sh

.PHONY: unit
unit: ## Only the tests that need no peer
	cargo test --workspace --exclude testbed --locked

.PHONY: load
load: peers ## Measure what a build costs the workers, beside a bare program (release builds; LOAD=... for options)
	cargo build --release --workspace --bins --locked
	target/release/load $(LOAD)

.PHONY: docs
docs: ## Write docs/CONFIGURATION.md from the tables of settings
	cargo run --quiet --package common --example configuration --locked > docs/CONFIGURATION.md

.PHONY: deny
deny: ## Licences, advisories, banned crates (needs cargo-deny)
	cargo deny check
