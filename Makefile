# Hinomi. `make demo` shows it, `make test` proves it, `make soak` proves it for longer.
CARGO ?= cargo
.PHONY: demo build test lint unit soak bench reference install

demo: build
	@./target/release/hinomi investigate examples/case --tz Asia/Tokyo; test $$? -le 1

build:
	$(CARGO) build --release --locked --bin hinomi

install:
	$(CARGO) install --locked --path crates/hinomi

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

unit:
	$(CARGO) test --workspace --locked

test: lint unit

soak:
	HINOMI_SOAK=1 $(CARGO) test --workspace --locked --release -- --include-ignored --nocapture

bench:
	$(CARGO) bench --workspace --locked

reference:
	tests/reference/run.sh
