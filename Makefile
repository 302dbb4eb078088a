# Everything a developer needs, by name. `make` lists it.
.DEFAULT_GOAL := help
SHELL := bash
# Where Cargo puts what it builds.
built := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: peers ## Show the main job on real peers: builds of every fate, live (TRACES=jaeger: with a real Jaeger)
	cargo build --workspace --all-targets --locked
	$(built)/debug/demo $(if $(TRACES),--traces $(TRACES))

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

.PHONY: jaeger
jaeger: ## Build Jaeger once, for `make test-deploy` (or set JAEGER to yours)
	@tests/jaeger/build.sh >/dev/null

.PHONY: test-alerts
test-alerts: ## Check and play the chart's alerts with Prometheus's promtool (builds it once; or set PROMTOOL to yours)
	tests/scripts/test-alerts.sh

.PHONY: keda
keda: ## Build KEDA once, for `make test-deploy` (8 to 20 minutes, then cached)
	@tests/keda/build.sh >/dev/null

.PHONY: test-deploy
test-deploy: peers ## What is deployed beside the workers, for real: tracing and scaling (before a release; not in CI)
	tests/scripts/test-deploy.sh

.PHONY: real-node
real-node: ## Build kubelet and take containerd and runc, for a real node (a minute after the control plane, then cached)
	@tests/node/build.sh >/dev/null

.PHONY: test-real-node
test-real-node: ## Builds and the installed chart on a real kubelet and containerd (needs root, about 5 minutes)
	@tests/scripts/real_node.sh

.PHONY: chart-docs
chart-docs: ## Write the table of the chart's values anew
	@{ sed '/^| value /,$$d' deploy/chart/README.md; printf '| value | default | meaning |\n|---|---|---|\n'; \
	  awk -f deploy/chart/values.awk deploy/chart/values.yaml; } >deploy/chart/README.new
	@mv deploy/chart/README.new deploy/chart/README.md

.PHONY: fmt
fmt: ## Format the code
	cargo fmt --all

.PHONY: lint
lint: ## Lints and boundaries, as CI has them
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy --workspace --test 'deploy_*' --test real_node --locked -- -D warnings
	tests/scripts/boundaries.sh
	tests/scripts/dependencies.sh

.PHONY: unit
unit: ## Only the tests that need no peer
	cargo test --workspace --exclude testbed --locked

.PHONY: load
load: peers ## Measure what a build costs the workers, beside a bare program (release builds; LOAD=... for options)
	cargo build --release --workspace --bins --locked
	$(built)/release/load $(LOAD)

.PHONY: docs
docs: ## Write docs/CONFIGURATION.md, METRICS.md and TELEMETRY.md from the code's tables
	cargo build --quiet --workspace --examples --locked
	@for page in CONFIGURATION METRICS TELEMETRY; do \
	  $(built)/debug/examples/$${page,,} >docs/$$page.new && mv docs/$$page.new docs/$$page.md || \
	    { rm docs/$$page.new; exit 1; }; \
	done

.PHONY: dependencies
dependencies: ## Unused dependencies, licences, banned crates, without a tool (part of `make test`)
	tests/scripts/dependencies.sh

.PHONY: package
package: ## Pack the API client and compile what was packed (part of `make test`)
	tests/scripts/package.sh

.PHONY: spelling
spelling: ## Spelling of documents, code and comments (needs typos-cli)
	typos
	typos --config typos-comments.toml

.PHONY: deny
deny: ## All of deny.toml, advisories of RustSec included (needs cargo-deny and the network)
	cargo deny check
