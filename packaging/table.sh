#!/usr/bin/env bash
# What an installation weighs, as a table: packaging/table.sh PREFIX. Programs are those of examples/c/quickstart.c.
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: $0 PREFIX" >&2; exit 2; }
prefix=$1
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
size() { awk -v bytes="$(stat -Lc %s "$1")" 'BEGIN { printf "%.1f MB", bytes / 1e6 }'; }
globals() { readelf -sW "$1" | awk '$5 == "GLOBAL" && $7 != "UND"' | wc -l; }
libraries=("$prefix/lib/libevscale.a" -lutil -lrt -lpthread -lm -ldl)
cc -O2 "-I$prefix/include" "$root/examples/c/quickstart.c" "${libraries[@]}" -o "$work/static"
cc -O2 -s -Wl,--gc-sections "-I$prefix/include" "$root/examples/c/quickstart.c" "${libraries[@]}" -o "$work/stripped"
cat << TABLE
| what | value |
|---|---|
| shared library | $(size "$prefix/lib/libevscale.so") |
| its exported functions | $(readelf --dyn-syms -W "$prefix/lib/libevscale.so" | grep -c ' evscale_') |
| oldest glibc that it runs on | $("$root/packaging/glibc.sh" "$prefix/lib/libevscale.so") |
| libraries that it needs | $(readelf -d "$prefix/lib/libevscale.so" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | tr '\n' ' ') |
| static library | $(size "$prefix/lib/libevscale.a") |
| its global symbols | $(globals "$prefix/lib/libevscale.a") |
| program with it | $(size "$work/static"), stripped $(size "$work/stripped") |
| its stack | $(readelf -lW "$work/static" | awk '/GNU_STACK/ { print $7 }') |
TABLE
