# Two commands do all the set-up on a fresh machine with Rust: `make run` and `make test`.
.PHONY: run test crash fuzz api-test api-fuzz lint fmt bench bench-console picture audit docker compose-up clean

run: ## The console on live examples
	cargo run --release -- examples

test: ## All tests
	scripts/test-tools.sh
	cargo test --workspace --no-fail-fast

crash: ## Kill the program 200 times under load and compare; `make crash N=1000 SEED=7`; as root also with a full disk
	cargo test --quiet --workspace --test crash -- --cycles $(or $(N),200) $(if $(SEED),--seed $(SEED))

fuzz: ## Recovery, pipeline files, jq and keys fuzzed, a minute each; needs cargo-fuzz (`cargo install cargo-fuzz`) and a C++ compiler; `make fuzz T=jq SECONDS=600`
	@command -v cargo-fuzz >/dev/null || { echo "cargo-fuzz is not installed: cargo install cargo-fuzz"; exit 1; }
	@set -e; for target in $(or $(T),journal queues pipeline jq keys); do \
		mkdir -p fuzz/found/$$target; \
		RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none $$target fuzz/found/$$target fuzz/corpus/$$target -- \
			-max_total_time=$(or $(SECONDS),60) -timeout=10 -rss_limit_mb=1024; \
	done

api-test: ## The API asked with curl; `make api-test URL=http://127.0.0.1:8080` asks an engine that runs
	scripts/api-test.sh $(URL)

api-fuzz: ## The API's document tried by Schemathesis; `make api-fuzz EXAMPLES=500`
	scripts/api-fuzz.sh $(EXAMPLES)

lint: ## Formatting and lints, warnings as errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

fmt: ## Format the code
	cargo fmt --all

bench: ## Everything beside its peer, as one table of ratios; `make bench QUICK=1` for a first look
	rm -rf target/tmp/bench
	cargo bench --quiet -p flexcore --features peers --bench '*' -- $(if $(QUICK),--quick)
	@cargo bench --quiet -p flexcore --features peers --bench table -- --print

bench-console: ## The console in a terminal, over slow lines and beside btop where that is installed; `make bench-console MINUTES=60` watches its memory for an hour
	cargo bench --quiet -p flexcore --bench line -- $(if $(QUICK),--quick)

picture: ## The README's picture, from a real frame
	scripts/picture.sh

audit: ## Licences and advisories, where cargo-deny is installed
	@if command -v cargo-deny >/dev/null; then cargo deny check; else echo "cargo-deny is not installed: cargo install cargo-deny"; fi

docker: ## The image `flexcore`, with the engine in it
	docker build -f deploy/Dockerfile -t flexcore .

compose-up: ## The engine in a container, on deploy/pipelines; `make compose-up PROFILE=monitoring` with Prometheus and Grafana
	docker compose -f deploy/compose.yaml $(if $(PROFILE),--profile $(PROFILE)) up --detach --build

clean: ## Remove what was built
	cargo clean
