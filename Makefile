# The developer's door: every check is one recipe.
# One profile and one target folder build the tests, the C library and the Python module. Always build the whole
# workspace: a part alone resolves other features, and tract would be compiled again.

SHELL := /bin/bash
export CARGO_TARGET_DIR ?= $(CURDIR)/target
VENV ?= $(CURDIR)/.venv
PYTHON ?= python3
PY := $(VENV)/bin/python
TRACE ?=
OUT ?= demo.png
MODULE := python/evscale/_evscale.abi3.so
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
# Before 1.0 a minor version has an ABI of its own.
ABI := $(shell echo "$(VERSION)" | sed -E 's/^(0\.[0-9]+|[1-9][0-9]*).*/\1/')

# What is given away runs on Linux from this glibc on, whatever is installed here; GLIBC=host links for this machine.
GLIBC ?= $(if $(filter Linux,$(shell uname -s)),2.28,host)
TRIPLE := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
ZIG_VENV ?= $(CURDIR)/.venv-zig
PORTABLE = $(filter-out host,$(GLIBC))

.PHONY: help demo demo-lifecycle lifecycle serve-demo server lint-server test-server test-server-full server-kill-test server-load build test test-rust test-crate rust-api notices sbom deny c-programs test-c run-c test-python run-python test-adapters test-engines kill-test-engines bench-engines bench-histories bench-budget test-brokers test-pythons \
	test-operators operators \
	test-training kill-test notebooks docs test-long soak fuzz lint bench bench-c venv \
	wheel wheel-portable test-wheel deb test-dist test-nomad test-random-c golden header reference abi dist install uninstall train setup-system clean

help: ## Show this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: build venv ## Replay two weeks (or TRACE=file.csv) under evscale and a reactive rule; table and picture
	$(PY) -m evscale demo $(if $(TRACE),--trace "$(TRACE)") --out "$(OUT)"

test: test-rust test-crate c-programs venv ## All tests: Rust, the packed crate, then C beside Python
	@$(MAKE) --no-print-directory run-c & c=$$!; $(MAKE) --no-print-directory run-python; python=$$?; \
		wait $$c || { echo "the tests of C failed" >&2; exit 1; }; exit $$python
	@echo "all tests passed"

build: ## Build library, C library and Python module
	cargo build --release --workspace --locked
	@cp -f "$(CARGO_TARGET_DIR)/release/lib_evscale.so" $(MODULE).$$$$ && mv -f $(MODULE).$$$$ $(MODULE)
	@ln -sf libevscale.so "$(CARGO_TARGET_DIR)/release/libevscale.so.$(ABI)"

test-rust: ## Rust tests
	cargo test --release --workspace --locked

test-crate: test-rust venv ## The crate as a registry has it: packed, unpacked, used by a new crate in an empty folder
	$(PY) -m pytest -q tests/crate

test-c: c-programs ## Header, ABI, C and C++ tests and examples, installation
	@$(MAKE) --no-print-directory run-c

# The tests of Python run some of them, too.
c-programs: build
	tests/c/compile.sh

run-c:
	cargo run --quiet --release --locked --manifest-path tools/header/Cargo.toml -- --check
	$(PYTHON) tools/reference.py --check
	$(PYTHON) tools/json_fields.py --check
	tests/c/abi.sh
	tests/c/install.sh & installation=$$!; tests/c/run.sh; run=$$?; wait $$installation && exit $$run

RANDOM_CALLS ?= 1000000
test-random-c: c-programs ## A million random calls of the C interface under ASan and UBSan (RANDOM_CALLS, RANDOM_SEED; two minutes)
	RANDOM_CALLS=$(RANDOM_CALLS) RANDOM_SEED=$(or $(RANDOM_SEED),1) tests/c/random.sh

test-python: c-programs venv ## Python tests, golden vectors, README
	@$(MAKE) --no-print-directory run-python

# Each file in one of two processes: one core would work alone while the other waits.
WORKERS ?= 2
run-python:
	PYTHONPATH=python $(PY) -m pytest -q -n $(WORKERS) --dist loadfile tests/python

ADAPTERS_VENV ?= $(CURDIR)/.venv-adapters
ARQ_VENV ?= $(CURDIR)/.venv-arq
test-adapters: build ## The adapters against Dask, Celery, RQ, Ray Serve, Kubernetes' client, Redis and RabbitMQ (a quarter of an hour)
	test -x $(ADAPTERS_VENV)/bin/python || $(PYTHON) -m venv $(ADAPTERS_VENV)
	$(ADAPTERS_VENV)/bin/python -m pip install -q --disable-pip-version-check -r tests/adapters/requirements.txt
	PYTHONPATH=python $(ADAPTERS_VENV)/bin/python -m pytest -q tests/adapters -k "not arq"
	test -x $(ARQ_VENV)/bin/python || $(PYTHON) -m venv $(ARQ_VENV)
	$(ARQ_VENV)/bin/python -m pip install -q --disable-pip-version-check -r tests/adapters/requirements-arq.txt
	PYTHONPATH=python $(ARQ_VENV)/bin/python -m pytest -q tests/adapters -k arq

ENGINES_VENV ?= $(CURDIR)/.venv-engines
$(ENGINES_VENV): tests/engines/requirements.txt
	$(PYTHON) -m venv $@
	$@/bin/python -m pip install -q --disable-pip-version-check -r $<
	touch $@

test-engines: build $(ENGINES_VENV) ## Fleets and backtests on Ray and Dask, whose workers are killed (two minutes)
	PYTHONPATH=python $(ENGINES_VENV)/bin/python -m pytest -q -s tests/engines

kill-test-engines: build $(ENGINES_VENV) ## The same with a worker killed every minute for ten minutes, on each engine
	EVSCALE_KILLS=10 EVSCALE_KILL_SECONDS=60 EVSCALE_KILL_POOLS=$(or $(POOLS),1000) PYTHONPATH=python \
		$(ENGINES_VENV)/bin/python -m pytest -q -s tests/engines -k killed

bench-engines: build $(ENGINES_VENV) ## Processor seconds of two actors over those of one process (POOLS=20000)
	@for engine in processes ray dask; do \
		PYTHONPATH=python $(ENGINES_VENV)/bin/python benchmarks/actors.py --engine $$engine --pools $(or $(POOLS),20000) || exit 1; done

bench-histories: build $(ENGINES_VENV) ## What 500 backtests gain from two workers, on each engine (HISTORIES=500; some minutes)
	@for engine in processes ray dask; do \
		PYTHONPATH=python $(ENGINES_VENV)/bin/python benchmarks/histories.py --engine $$engine --histories $(or $(HISTORIES),500) || exit 1; done

bench-budget: ## A budget for 200 generated pools against a cap for each (a quarter of an hour; POOLS, DAYS)
	EVSCALE_BUDGET_POOLS=$(or $(POOLS),200) EVSCALE_BUDGET_DAYS=$(or $(DAYS),1.5) \
		cargo test --release --workspace --locked --test shared_budget -- --nocapture worth

BROKER_JARS := tests/brokers/jars
$(BROKER_JARS): tests/brokers/pom.xml
	mvn -q -B -f tests/brokers/pom.xml dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/$@
	touch $@

test-brokers: build venv $(BROKER_JARS) ## Kafka as a source, against a real broker (a minute; needs Maven and Java)
	PYTHONPATH=python $(PY) -m pytest -q tests/brokers

PYTHONS ?= 3.10 3.13
test-pythons: c-programs ## The Python tests on other versions of Python (PYTHONS="3.10 3.13"), which must be installed
	@for version in $(PYTHONS); do \
		python=$$(PYENV_VERSION=$$(pyenv latest $$version 2>/dev/null) python$$version -c 'import sys; print(sys.executable)' 2>/dev/null) \
			|| { echo "Python $$version is not installed; PYTHONS= names others" >&2; exit 1; }; \
		$(MAKE) --no-print-directory venv VENV=$(CURDIR)/.venv-$$version PYTHON=$$python && \
		PYTHONPATH=python $(CURDIR)/.venv-$$version/bin/python -m pytest -q -n $(WORKERS) --dist loadfile tests/python || exit 1; \
	done

kill-test: build venv ## A thousand kills each of what saves, changes models, writes registries, logs and archives, and retrains (KILLS=1000; an hour)
	EVSCALE_KILLS=$(or $(KILLS),1000) cargo test --release --workspace --locked --test registry a_kill -- --nocapture
	$(PY) -m pip install -q -r python/training/requirements.txt
	EVSCALE_KILLS=$(or $(KILLS),1000) PYTHONPATH=python $(PY) -m pytest -q -s tests/python/test_snapshot.py tests/python/test_kills.py tests/python/test_backups.py \
		tests/python/test_decision_log.py python/training/tests/test_kills.py -k "kill or snapshot"

venv: $(VENV)/.ready
	@echo "$(CURDIR)/python" > "$$($(PY) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/evscale.pth"
$(VENV)/.ready: requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install -q --disable-pip-version-check -r requirements-dev.txt
	touch $@

# The server is a workspace of its own: its libraries change nothing of the library's build.
SERVER_TARGET := $(CARGO_TARGET_DIR)/server
SERVER := $(SERVER_TARGET)/release/evscale-server
SERVER_VENV ?= $(CURDIR)/tests/server/.venv
SERVER_TESTS = EVSCALE_SERVER=$(SERVER) $(SERVER_VENV)/bin/python
server: ## Build evscale-server
	CARGO_TARGET_DIR=$(SERVER_TARGET) cargo build --release --locked --manifest-path evscale-server/Cargo.toml

demo-lifecycle: build venv ## Aged models, a challenger that is promoted, a damaged version that is rolled back; events and picture
	$(PY) -m evscale demo --lifecycle --out "$(OUT)"

lifecycle: ## The full evidence for champion and challenger: 1,000 pools per case (half an hour; RUNS=100 SEED=1000000 for some, and others)
	EVSCALE_LIFECYCLE_RUNS=$(or $(RUNS),1000) EVSCALE_LIFECYCLE_SEED=$(or $(SEED),0) cargo test --release --workspace --locked --test lifecycle -- --nocapture

serve-demo: server ## Run evscale-server on loopback with two simulated pools (PORT=8080); Ctrl-C ends it
	@exec $(SERVER) demo --port $(or $(PORT),8080)

$(SERVER_VENV)/.ready: tests/server/requirements.txt
	$(PYTHON) -m venv $(SERVER_VENV)
	$(SERVER_VENV)/bin/python -m pip install -q --disable-pip-version-check -r tests/server/requirements.txt
	touch $@

lint-server: venv ## Formatting and lints of evscale-server and its tests
	cargo fmt --manifest-path evscale-server/Cargo.toml -- --check
	CARGO_TARGET_DIR=$(SERVER_TARGET) cargo clippy --release --locked --all-targets --manifest-path evscale-server/Cargo.toml -- -D warnings
	$(VENV)/bin/ruff check tests/server
	$(VENV)/bin/typos evscale-server/src evscale-server/page tests/server deploy docs/server.md docs/server-settings.md

test-server: server $(SERVER_VENV)/.ready ## Tests of evscale-server: Rust, interface, storage, security, browser, Prometheus
	CARGO_TARGET_DIR=$(SERVER_TARGET) cargo test --release --locked --manifest-path evscale-server/Cargo.toml
	$(SERVER_TESTS) -m pytest -q -rs tests/server

SERVER_GO := $(SERVER_TARGET)/go/bin
HELM ?= $(SERVER_GO)/helm
$(SERVER_GO)/helm:
	GOBIN=$(SERVER_GO) PATH="$$PATH:/usr/local/go/bin" go install helm.sh/helm/v3/cmd/helm@v3.18.4

# All scalers of KEDA are one package: ten minutes of compiling.
KEDA_POLL := $(SERVER_GO)/keda-poll
$(KEDA_POLL): $(wildcard tests/server/full/keda/*)
	cd tests/server/full/keda && PATH="$$PATH:/usr/local/go/bin" go build -o $@ .

test-server-full: test-server $(HELM) $(KEDA_POLL) $(BROKER_JARS) ## Also KEDA's own client, Kafka, and the chart by Helm against Kubernetes' schemas (builds and fetches them, a quarter of an hour)
	$(SERVER_VENV)/bin/python -m pip install -q --disable-pip-version-check -r tests/server/full/requirements.txt
	EVSCALE_FULL=1 HELM=$(HELM) KEDA_POLL=$(KEDA_POLL) $(SERVER_TESTS) -m pytest -q tests/server/full

server-kill-test: server $(SERVER_VENV)/.ready ## Kill evscale-server during load (KILLS=500; five minutes), and compare
	EVSCALE_SERVER_KILLS=$(or $(KILLS),500) $(SERVER_TESTS) -m pytest -q -s tests/server/test_storage.py -k "undisturbed and sqlite"

server-load: server $(SERVER_VENV)/.ready ## A thousand pools, a record each per 10 s, for ten minutes: latencies, losses, memory
	$(SERVER_TESTS) tests/server/load.py --pools $(or $(POOLS),1000) --seconds $(or $(DURATION),600)

wheel: venv ## Build the wheel into dist/, for this machine; PROFILE=dist makes it smaller and takes a quarter of an hour
	$(VENV)/bin/maturin build --profile $(or $(PROFILE),release) --locked --out dist

wheel-portable: venv $(ZIG_VENV)/.ready ## Build the wheel into dist/, for Linux from glibc 2.28 on (GLIBC=2.28); compiles everything anew
	PATH="$(ZIG_VENV)/bin:$$PATH" $(VENV)/bin/maturin build --profile $(or $(PROFILE),dist) --locked --out dist \
		--zig --target $(TRIPLE) --compatibility manylinux_$(subst .,_,$(GLIBC))

test-wheel: ## The portable wheels in dist/, in fresh environments of PYTHONS (after make wheel-portable)
	@pythons=(); for version in $(PYTHONS); do \
		pythons+=("$$(PYENV_VERSION=$$(pyenv latest $$version 2>/dev/null) python$$version -c 'import sys; print(sys.executable)')") || exit 1; \
	done; packaging/wheel.sh "$${pythons[@]}"

golden: build venv ## Write the golden vectors again
	PYTHONPATH=python $(PY) tests/golden/make.py

docs: build venv ## Pages of the Python package, into dist/docs
	$(PY) tools/docs.py dist/docs

notebooks: build venv ## Run the notebooks and write what they show beside them
	$(PY) -m ipykernel install --sys-prefix
	$(PY) tools/render_notebooks.py

BENCH_VENV ?= $(CURDIR)/benchmarks/.venv
bench: build ## Measure speed, memory and fleets beside what people would embed otherwise; writes BENCHMARKS.md
	test -x $(BENCH_VENV)/bin/python || $(PYTHON) -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/python -m pip install -q --disable-pip-version-check -r benchmarks/requirements.txt
	PYTHONPATH=python $(BENCH_VENV)/bin/python benchmarks/run.py --bins $(CARGO_TARGET_DIR)/release $(BENCH)

header: ## Write include/evscale.h, docs/c-reference.md and docs/json.md again
	cargo run --quiet --release --locked --manifest-path tools/header/Cargo.toml
	$(PYTHON) tools/reference.py
	$(PYTHON) tools/json_fields.py

reference: build venv ## Write docs/settings.md and the parameters of the Python class Config again; then build
	PYTHONPATH=python $(PY) tools/settings.py

bench-c: build ## What a call through the C ABI costs beside the same call in Rust, ns
	cc -O2 -std=c99 -Iinclude benchmarks/boundary.c $(CARGO_TARGET_DIR)/release/libevscale.a -lgcc_s -lutil -lrt -lpthread \
		-lm -ldl -lc -Wl,-z,noexecstack -o $(CARGO_TARGET_DIR)/release/boundary
	@{ $(CARGO_TARGET_DIR)/release/bench-boundary; $(CARGO_TARGET_DIR)/release/boundary; } | \
		awk '{ if ($$1 in rust) print $$1 ": " rust[$$1] " in Rust, " $$2 " in C"; rust[$$1] = $$2 }'

abi: ## Compare the ABI with abi/*.txt and, if OLD=libevscale.so (of an earlier `make abi`) is given, with abidiff
	cargo build --release --workspace --locked --config profile.release.package.evscale-ffi.debug=true
	tests/c/abi.sh
	$(if $(OLD),abidiff --no-added-syms "$(OLD)" "$(CARGO_TARGET_DIR)/release/libevscale.so")

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
LIBRARY := $(CARGO_TARGET_DIR)/release/$(if $(filter Darwin,$(shell uname -s)),libevscale.dylib,libevscale.so)
INSTALL = LIBDIR="$(LIBDIR)" INCLUDEDIR="$(INCLUDEDIR)" packaging/install.sh
ARGUMENTS = "$(CARGO_TARGET_DIR)/release" "$(VERSION)" "$(PREFIX)" "$(DESTDIR)"
# Builds only where nothing was built yet: `sudo make install` compiles nothing.
install: ## Install the C library, headers and manuals into PREFIX, LIBDIR and INCLUDEDIR (and DESTDIR)
	@test -e "$(LIBRARY)" || $(MAKE) --no-print-directory build
	@$(INSTALL) install $(ARGUMENTS)

uninstall: ## Remove what install put there
	@$(INSTALL) uninstall $(ARGUMENTS)

$(ZIG_VENV)/.ready: packaging/requirements.txt
	$(PYTHON) -m venv $(ZIG_VENV)
	$(ZIG_VENV)/bin/python -m pip install -q --disable-pip-version-check -r packaging/requirements.txt
	touch $@

dist: $(if $(PORTABLE),$(ZIG_VENV)/.ready) ## Pack libraries, headers, models and licences into dist/; optimised as a whole unless PROFILE=release
	PATH="$(ZIG_VENV)/bin:$$PATH" cargo $(if $(PORTABLE),zigbuild --target $(TRIPLE).$(GLIBC),build) --profile $(or $(PROFILE),dist) --locked \
		$(if $(filter release,$(PROFILE)),$(if $(PORTABLE),-p evscale-ffi -p evscale-py,--workspace),-p evscale-ffi)
	packaging/dist.sh "$(CARGO_TARGET_DIR)/$(if $(PORTABLE),$(TRIPLE)/)$(or $(PROFILE),dist)" "$(VERSION)" $(PORTABLE)

deb: ## Build the Debian packages libevscale0.1 and libevscale-dev into dist/ (needs debhelper)
	packaging/deb.sh "$(VERSION)"

test-dist: ## Consumers of every tarball in dist/, in a folder with a blank and an umlaut (after make dist)
	@for tarball in dist/evscale-*.tar.gz; do echo "$$tarball"; MOST_BYTES=$(if $(filter release,$(PROFILE)),32000000,18000000) TARBALL="$(CURDIR)/$$tarball" tests/c/install.sh || exit 1; done

NOMAD_PREFIX := $(CARGO_TARGET_DIR)/nomad
test-nomad: build ## The plugin of the Nomad autoscaler, dialled and killed as its agent does (downloads Go modules)
	@packaging/install.sh install "$(CARGO_TARGET_DIR)/release" "$(VERSION)" "$(NOMAD_PREFIX)"
	cd go/nomad && PATH="$$PATH:/usr/local/go/bin" PKG_CONFIG_PATH="$(NOMAD_PREFIX)/lib/pkgconfig" \
		CGO_LDFLAGS="-Wl,-rpath,$(NOMAD_PREFIX)/lib" bash -c 'go vet . && go test -count 1 .'

test-long: ## The tests of Rust that take a minute and more each, with more seeds and with networks (an hour)
	cargo test --release --workspace --locked -- --ignored --skip write

soak: ## Ten million random and adversarial steps against the safety invariants, and as many records with a faulty host (half an hour)
	EVSCALE_SOAK_STEPS=$(or $(STEPS),10000000) EVSCALE_FAULTS_STEPS=$(or $(STEPS),10000000) cargo test --release --workspace --locked --test soak --test faults -- --nocapture

fuzz: build venv ## Fuzz whatever is parsed or fed, each target for FUZZ_SECONDS=60; installs cargo-fuzz into fuzz/target
	fuzz/run.sh
	PYTHONPATH=python $(PY) fuzz/csv_fuzz.py $(or $(FUZZ_SECONDS),60)

notices: ## Write THIRD-PARTY.md again (needs cargo-about: cargo install cargo-about --features cli)
	cargo about --color never generate --locked --offline --fail -c packaging/about.toml -m Cargo.toml --workspace -o THIRD-PARTY.md packaging/about.hbs

deny: ## Licences, sources and versions of all dependencies (needs cargo-deny: cargo install cargo-deny)
	cargo deny --locked --offline check licenses bans sources
	cargo deny --locked --offline --manifest-path evscale-server/Cargo.toml --config evscale-server/deny.toml check licenses bans sources

sbom: ## Write the bills of materials again (needs cargo-cyclonedx: cargo install cargo-cyclonedx)
	$(PYTHON) tools/sbom.py

rust-api: ## Write abi/rust.txt, the public interface of the Rust library, again
	cargo doc --release --workspace --no-deps --locked --quiet
	$(PYTHON) tools/public_api.py

lint: venv ## Formatting, lints, documentation without warnings, the Rust interface, types, import circles and spelling
	cargo fmt --all -- --check
	cargo fmt --manifest-path fuzz/Cargo.toml -- --check
	cargo clippy --release --workspace --all-targets --locked -- -D warnings
	for features in "" simulate,prometheus default; do \
		cargo clippy --release --locked -p evscale-core --no-default-features --features "$$features" -- -D warnings || exit 1; \
	done
	RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps --locked --quiet
	$(PYTHON) tools/public_api.py --check
	$(PYTHON) tools/circles.py
	$(VENV)/bin/ruff check .ci python/evscale examples/python notebooks tests/python tests/adapters tests/crate tests/engines tools benchmarks fuzz
	$(VENV)/bin/pyright --pythonpath $(PY)
	$(VENV)/bin/typos

operators: build venv ## Write what operators load (rules, dashboard, heads of the runbooks, docs/metrics.md) again
	PYTHONPATH=python $(PY) tools/alerts.py
	PYTHONPATH=python $(PY) tools/dashboard.py

test-operators: build venv ## A real Prometheus scrapes pools, evaluates rules and dashboard, and an alert reaches a webhook (a minute)
	PYTHONPATH=python $(PY) -m pytest -q tests/operators

test-training: build venv ## Tests of the training code (installs PyTorch)
	$(PY) -m pip install -q -r python/training/requirements.txt
	PYTHONPATH=python $(PY) -m pytest -q python/training/tests

train: build venv ## Train the networks again: make train TRACES=dir [RUNS=runs]
	$(PY) -m pip install -q -r python/training/requirements.txt
	python/training/run.sh "$(TRACES)" "$(or $(RUNS),runs)" "$(PY)"

setup-system: ## Debian packages that some tests use
	apt-get update -qq && apt-get install -y -qq debhelper valgrind gcc g++ clang abigail-tools pkg-config cmake golang-go python3-dev python3-venv \
		chromium chromium-driver postgresql prometheus prometheus-alertmanager strace openssl redis-server rabbitmq-server influxdb

clean: ## Remove what was built
	rm -rf target fuzz/target .venv .venv-adapters .venv-arq .venv-engines benchmarks/.venv dist $(MODULE)
