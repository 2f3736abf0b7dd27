# Everything starts here: `make demo` shows what Pigear does, `make test` runs all tests.

CARGO ?= cargo

MATURIN = target/peers/maturin/bin/maturin build --locked --manifest-path python/Cargo.toml \
	--out target/peers/wheels
INSTALL_WHEEL = target/peers/python/bin/pip install --quiet --no-deps --force-reinstall \
	target/peers/wheels/*.whl

.PHONY: demo test test-python outage bench bench-python fuzz lint doc deny setup peers peer-packages

demo: setup
	$(CARGO) run --locked --quiet --package pigear -- demo

test: setup peers test-python
	$(CARGO) test --workspace --locked

# The Python package, built as a wheel, installed into an environment of its own, and tested there.
test-python: setup peers target/peers/python/installed
	@if [ -e target/peers/python/installed ]; then \
		rm -rf target/peers/wheels && $(MATURIN) --quiet && $(INSTALL_WHEEL) && \
		target/peers/python/bin/pytest python; \
	fi

# A receiver of `http` that is down for half a minute, at 500 alerts a second.
outage: setup
	$(CARGO) test --locked --package pigear --test http -- outage --ignored --nocapture

# Each figure against its yardstick in the same run; see docs/performance.md.
bench: setup peers
	$(CARGO) bench --locked --package pigear-alert
	$(CARGO) bench --locked --package pigear --bench filter
	$(CARGO) bench --locked --package pigear --bench listen
	$(CARGO) bench --locked --package pigear --bench http
	$(CARGO) bench --locked --package pigear --bench store
	$(MAKE) bench-python

bench-python: setup peers target/peers/python/installed
	@rm -rf target/peers/wheels
	$(MATURIN) --release
	$(INSTALL_WHEEL)
	target/peers/python/bin/python python/bench/listen.py

# Ten minutes a target; see fuzz/README.md.
fuzz: setup
	python3 fuzz/seed.py
	RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run decode -- -max_total_time=600
	RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run dissect -- -max_total_time=600
	RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run unified2 -- -max_total_time=600

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

# The programs that tests run Pigear against. A test whose peer is missing says so and is left out.
PEERS = iproute2 nftables nginx-light openssl python3-venv rsyslog rsyslog-gnutls tshark

peers: peer-packages target/peers/httpbin/installed target/peers/formats/installed \
	target/peers/python/installed

peer-packages:
	@missing=$$(for package in $(PEERS); do \
		dpkg -s $$package >/dev/null 2>&1 || printf ' %s' $$package; done); \
	[ -z "$$missing" ] || { \
		[ "$$(id -u)" = 0 ] || { echo "some tests will be left out: sudo apt install --no-install-recommends$$missing" >&2; exit 0; }; \
		apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $$missing || \
		echo "some tests will be left out: cannot install$$missing" >&2; }

# httpbin, and for the benchmark requests, as Python has them.
target/peers/httpbin/installed: | peer-packages
	@mkdir -p target/peers
	@python3 -m venv target/peers/httpbin && \
		target/peers/httpbin/bin/pip install -q httpbin gunicorn requests && touch $@ || \
		echo "some tests will be left out: cannot install httpbin" >&2

# What builds the Python package, and an environment to test it in.
target/peers/python/installed: python/tests/requirements.txt | peer-packages
	@mkdir -p target/peers
	@python3 -m venv target/peers/maturin && target/peers/maturin/bin/pip install -q 'maturin>=1.9.4,<2' && \
		python3 -m venv --clear target/peers/python && \
		target/peers/python/bin/pip install -q -r python/tests/requirements.txt && touch $@ || \
		echo "the tests of the Python package will be left out: cannot install what they need" >&2

# What others read formats and logs with; see crates/pigear-alert/tests/foreign/check.py.
target/peers/formats/installed: | peer-packages
	@mkdir -p target/peers
	@python3 -m venv target/peers/formats && \
		target/peers/formats/bin/pip install -q cefp communityid idstools jsonschema ocsf-json-schema && touch $@ || \
		echo "some tests will be left out: cannot install what reads the formats" >&2
