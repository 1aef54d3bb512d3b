#!/usr/bin/env bash
# Builds the fuzz targets and runs each for FUZZ_SECONDS (60), after the seeds in corpus/ and what earlier runs have kept.
# Stops at the first finding. FUZZ_TARGETS names some of the targets; FUZZ_TARGET_DIR is where everything is built.
# FUZZ_SANITIZER=address runs them under AddressSanitizer, for which the nightly toolchain must be installed.
set -euo pipefail
cd "$(dirname "$0")"
seconds="${FUZZ_SECONDS:-60}"
targets="${FUZZ_TARGETS:-records config manifest snapshot csv onnx}"
export CARGO_TARGET_DIR="${FUZZ_TARGET_DIR:-$PWD/target}"
# evscale-core forbids unsafe code: what matters most are panics, aborts, memory and time, at the speed of no sanitizer.
sanitizer="${FUZZ_SANITIZER:-none}"
if [ "$sanitizer" = none ]; then
  export RUSTC_BOOTSTRAP=1 # libFuzzer's instrumentation is behind unstable flags of the stable compiler
  most_mb=2048
else
  export RUSTUP_TOOLCHAIN=nightly
  most_mb=8192
fi

if ! command -v cargo-fuzz >/dev/null; then
  export PATH="$CARGO_TARGET_DIR/tools/bin:$PATH"
  command -v cargo-fuzz >/dev/null ||
    cargo install cargo-fuzz --version 0.13.2 --locked --root "$CARGO_TARGET_DIR/tools" --target-dir "$CARGO_TARGET_DIR/tools/build"
fi
cargo fetch --quiet --locked
cargo fuzz build --sanitizer "$sanitizer" --codegen-units 16
built="$CARGO_TARGET_DIR/$(rustc -vV | sed -n 's/^host: //p')/release"

printf '%-10s %12s %10s %8s %10s\n' target executions per_second edges inputs
for target in $targets; do
  kept="$CARGO_TARGET_DIR/corpus/$target"
  log="$CARGO_TARGET_DIR/$target.log"
  mkdir -p "$kept" found
  dictionary=()
  if [ -f "dictionaries/$target" ]; then dictionary=(-dict="dictionaries/$target"); fi
  if ! "$built/$target" "$kept" "corpus/$target" "${dictionary[@]}" -max_total_time="$seconds" -timeout=20 \
    -rss_limit_mb=$most_mb -print_final_stats=1 -artifact_prefix="found/$target-" >"$log" 2>&1; then
    grep -vE '^#[0-9]' "$log" | tail -n 40 >&2
    echo "fuzz target $target found something: see fuzz/found/, and run $built/$target on the file" >&2
    exit 1
  fi
  awk -v target="$target" '
    /cov: / { for (i = 1; i < NF; i++) { if ($i == "cov:") edges = $(i + 1); if ($i == "corp:") inputs = $(i + 1) } }
    /number_of_executed_units/ { runs = $2 }
    /average_exec_per_sec/ { speed = $2 }
    END { split(inputs, part, "/"); printf "%-10s %12d %10d %8d %10d\n", target, runs, speed, edges, part[1] }' "$log"
done
