# Everything starts here: `make demo` shows what Pigear does, `make test` runs all tests.

CARGO ?= cargo

.PHONY: demo test bench fuzz lint doc deny setup

demo: setup
	$(CARGO) run --locked --quiet --package pigear -- demo

test: setup
	$(CARGO) test --workspace --locked

# Each figure against its yardstick in the same run; see docs/performance.md.
bench: setup
	$(CARGO) bench --locked --package pigear-alert
	$(CARGO) bench --locked --package pigear --bench listen

# Ten minutes a target; see fuzz/README.md.
fuzz: setup
	python3 fuzz/seed.py
	RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run decode -- -max_total_time=600
	RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run dissect -- -max_total_time=600

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

# Licences and sources of all dependencies.
deny:
	.ci/install-cargo-deny
	PATH="$(CURDIR)/target/tools/bin:$$PATH" $(CARGO) deny --locked check licenses bans sources

# What a fresh Debian lacks. zstd brings C, so a C compiler is needed.
setup:
	@command -v $(CARGO) >/dev/null || { echo "cargo is missing: install Rust from https://rustup.rs" >&2; exit 1; }
	@command -v cc >/dev/null || { \
		[ "$$(id -u)" = 0 ] || { echo "a C compiler is missing: sudo apt install gcc libc6-dev" >&2; exit 1; }; \
		apt-get update -q && apt-get install -qy gcc libc6-dev; }
