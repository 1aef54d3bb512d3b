# Sourced by the scripts of this folder: where things are, and how steps are run.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
libraries=$target/release
out=$target/c-tests
mkdir -p "$out/logs"
export root libraries out

# missing TOOL: a failure in CI, else a plain message.
missing() {
    [ "${CI:-}" != true ] || { echo "$1 is missing: run make setup-system" >&2; return 1; }
    echo "SKIPPED: $1 is missing (make setup-system)"
}

# step NAME COMMAND...: one line if it succeeds, everything if it fails.
step() {
    local name=$1
    shift
    if "$@" > "$out/logs/$name" 2>&1; then
        echo "$name: $(tail -n 1 "$out/logs/$name" | cut -c 1-100)"
    else
        echo "FAILED: $name: $*"
        cat "$out/logs/$name"
        return 1
    fi
}
export -f missing step

# Runs the lines of its input as commands, as many at a time as there are processors.
side_by_side() { xargs -d '\n' -P "$(nproc)" -I{} bash -euo pipefail -c '{}'; }
