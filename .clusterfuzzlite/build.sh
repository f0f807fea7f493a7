#!/bin/bash -eu
# Builds every cargo-fuzz target as OSS-Fuzz wants it: programs, seeds and dictionaries in $OUT. OSS-Fuzz itself takes this file too.
# FUZZ_FLAGS are more flags for cargo-fuzz; with `--dev` among them the build is quick and the programs are slow.
cd "$SRC/framegate"
cargo fuzz build ${FUZZ_FLAGS:--O --debug-assertions}
cargo run --quiet --package framegate-fuzz --example seeds -- fuzz
case " ${FUZZ_FLAGS:-} " in *" --dev "*) profile=debug ;; *) profile=release ;; esac
triple=$(rustc -vV | sed -n 's/^host: //p')
for target in $(cargo fuzz list); do
  cp "target/$triple/$profile/$target" "$OUT/"
  (cd "fuzz/corpus/$target" && python3 -m zipfile -c "$OUT/${target}_seed_corpus.zip" seed-*)
  cp fuzz/dictionary "$OUT/$target.dict"
done
