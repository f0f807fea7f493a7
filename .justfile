# What a developer runs; `.ci/run` runs all of it.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo test

packs:
    cargo run -- lint
    cargo run -- run

gate:
    .ci/run
