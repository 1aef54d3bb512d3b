#!/usr/bin/env bash
# Makes the static library that is installed of the one that cargo built: packaging/archive.sh FROM TO
#
# One object with what the functions of evscale.h reach. Only they are global, so that a second Rust library in the same
# program does not collide; and it says that it needs no executable stack, which hand-written kernels inside forget to say.
set -euo pipefail
[ $# -eq 2 ] || { echo "usage: $0 FROM TO" >&2; exit 2; }
from=$1 to=$2
header=$(cd "$(dirname "$0")/.." && pwd)/include/evscale.h
if [ "$(uname -s)" != Linux ]; then
    install -m 644 "$from" "$to"
    exit
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
grep -oE '\bevscale_[a-z0-9_]+\(' "$header" | tr -d '(' | sort -u > "$work/functions"
sed 's/^/-u /' "$work/functions" > "$work/kept"
ld -r -z noexecstack --gc-sections @"$work/kept" --whole-archive "$from" -o "$work/all.o"
# the bitcode of Rust's own library is no code, and confuses tools that look at it
objcopy --strip-unneeded --keep-global-symbols="$work/functions" --remove-section=.llvmbc --remove-section=.llvmcmd \
    "$work/all.o" "$work/local.o"
# what became local is not needed either
objcopy --strip-unneeded "$work/local.o" "$work/evscale.o"
(cd "$work" && ar rcsD libevscale.a evscale.o)
install -m 644 "$work/libevscale.a" "$to"
