# Hinomi. `make demo` shows it, `make test` proves it, `make soak` proves it for longer.
CARGO ?= cargo
.PHONY: fuzz independent demo demo-stop static build test lint unit recordings trials soak bench reference engines install ui ui-test

# Without the feature for queries, which the demonstration does not use and which takes most of a first build.
BUILT = $(or $(CARGO_TARGET_DIR),target)
demo: pages-built
	$(CARGO) build --release --locked --no-default-features --bin hinomi
	@examples/demo.sh $(BUILT)/release/hinomi $(BUILT)/demo

demo-stop:
	@examples/demo.sh $(BUILT)/release/hinomi $(BUILT)/demo --stop

# One file that runs on any Linux of this processor, for whoever carries it to a machine that has nothing; without queries. What names
# of hosts need (getaddrinfo) is asked of files and servers only, as glibc does when no module can be loaded.
STATIC = x86_64-unknown-linux-gnu
static:
	RUSTFLAGS='-C target-feature=+crt-static --cfg getrandom_backend="linux_getrandom"' \
	    $(CARGO) build --release --locked --no-default-features --bin hinomi --target $(STATIC)
	tests/static.sh $(BUILT)/$(STATIC)/release/hinomi

build:
	$(CARGO) build --release --locked --bin hinomi

# The web pages; cargo embeds what this leaves in ui/dist, and works without it.
UI_SOURCES := $(shell find ui/src ui/public ui/scripts ui/index.html ui/*.json ui/*.ts api/openapi.json -type f ! -name types.ts 2>/dev/null)
ui/dist/index.html: $(UI_SOURCES)
	cd ui && npm ci --ignore-scripts --no-audit --no-fund && npm run build
ui: ui/dist/index.html

# In a real browser (Debian's chromium and fonts-noto-cjk), at last against the program that cargo built for its own tests; without
# one that test says so.
ui-test: ui
	cd ui && npm run unit && HINOMI="$$(realpath "$${CARGO_TARGET_DIR:-../target}")/debug/hinomi" npm run browser

# Node 20 builds the pages; without it, or without a browser, that is said and not tested.
NODE_IS_THERE = node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null
.PHONY: pages-built pages
pages-built:
	@if $(NODE_IS_THERE); then $(MAKE) ui; else echo "SKIPPED: pages need Node 20"; fi
pages:
	@if $(NODE_IS_THERE) && command -v chromium >/dev/null; then $(MAKE) ui-test; else echo "SKIPPED: tests of pages need Node 20 and chromium"; fi

install:
	$(CARGO) install --locked --path crates/hinomi

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

unit:
	$(CARGO) test --workspace --locked

# The recorded cases against what their recording script wrote down, and that check against itself.
recordings:
	python3 examples/record/test_checks.py
	python3 examples/record/check_truth.py examples/case examples/benign

test: pages-built lint unit recordings pages

# Every recorded and rendered attack against the committed figures.
trials: build
	trials/measure.sh

# All rounds of what `make test` does a tenth of, and what takes minutes; our crates optimised, with their assertions, on the
# dependencies that `make test` has built.
soak:
	HINOMI_SOAK=1 CARGO_PROFILE_DEV_OPT_LEVEL=2 $(CARGO) test --workspace --locked --no-fail-fast -- --include-ignored --nocapture

# Guided by coverage, SECONDS for each target; `make test` and `make soak` mutate without it.
SECONDS = 60
fuzz:
	fuzz/run.sh $(SECONDS)

bench:
	$(CARGO) bench --workspace --locked

reference:
	tests/reference/run.sh

# Derived data read by other engines: equal rows.
engines: build
	tests/engines/run.sh

# Verification by programs that share no code with this one; fails where `make test` would say that it skipped.
independent:
	HINOMI_REQUIRE_TOOLS=1 $(CARGO) test -p hinomi-ledger --locked --test ledger independent -- --nocapture
