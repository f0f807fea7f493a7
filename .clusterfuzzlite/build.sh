#!/bin/bash -eu
# Builds every cargo-fuzz target as OSS-Fuzz wants it: programs, seeds and dictionaries in $OUT. OSS-Fuzz itself takes this file too.
cd "$SRC/framegate"
cargo fuzz build -O --debug-assertions ${FUZZ_FLAGS:-}
cargo run --release --package framegate-fuzz --example seeds -- fuzz
for target in $(cargo fuzz list); do
  cp "target/${FUZZ_TRIPLE:-x86_64-unknown-linux-gnu}/release/$target" "$OUT/"
  (cd "fuzz/corpus/$target" && python3 -m zipfile -c "$OUT/${target}_seed_corpus.zip" seed-*)
  cp fuzz/dictionary "$OUT/$target.dict"
done
