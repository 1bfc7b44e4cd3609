# Hinomi. `make demo` shows it, `make test` proves it, `make soak` proves it for longer.
CARGO ?= cargo
.PHONY: independent demo build test lint unit recordings trials soak bench reference engines install ui ui-test

# Without the feature for queries, which the demonstration does not use and which takes most of a first build.
demo:
	$(CARGO) build --release --locked --no-default-features --bin hinomi
	@./target/release/hinomi investigate examples/case --tz Asia/Tokyo; test $$? -le 1

build:
	$(CARGO) build --release --locked --bin hinomi

# The web pages; cargo embeds what this leaves in ui/dist.
ui:
	cd ui && npm ci --ignore-scripts --no-audit --no-fund && npm run build

# Needs Debian's chromium and fonts-noto-cjk.
ui-test: ui
	cd ui && npm run unit && npm run browser

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

test: lint unit recordings

# Every recorded and rendered attack against the committed figures.
trials: build
	trials/measure.sh

soak:
	HINOMI_SOAK=1 HINOMI_FUZZ_ROUNDS=200000 $(CARGO) test --workspace --locked --release -- --include-ignored --nocapture

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
