#!/usr/bin/env bash
# Compares what the shared library exports and what the header promises (codes, layout of the structs, parameters) with
# abi/*.txt; --write writes them.
# What is there may only grow: a line that is gone or changed breaks programs that were built before.
set -euo pipefail
. "$(dirname "$0")/common.sh"
work=$out/abi
mkdir -p "$work"

nm -D --defined-only "$libraries/libevscale.so" | awk '$2 == "T" {print $3}' | LC_ALL=C sort > "$work/symbols.txt"

# A program that prints size and offset of everything in the header, made from the header.
awk '
    BEGIN { print "#include <evscale.h>\n#include <stdio.h>\nint main(void) {" }
    /^#define EVSCALE_[A-Z0-9_]+ -?[0-9]+$/ && $2 != "EVSCALE_VERSION_NUMBER" { printf "    puts(\"%s %s\");\n", $2, $3 }
    /^typedef struct [a-z_]+ \{/ { struct = $3; printf "    printf(\"%s size %%zu\\n\", sizeof(%s));\n", struct, struct }
    struct && /^  [a-z0-9_ ]+ \*?[a-z0-9_]+;$/ {
        field = $NF; gsub(/[;*]/, "", field)
        type = $0; sub(/ \*?[a-z0-9_]+;$/, "", type); sub(/^ +/, "", type)
        if ($NF ~ /^\*/) type = type " *"
        printf "    printf(\"%s.%s %s offset %%zu\\n\", offsetof(%s, %s));\n", struct, field, type, struct, field
    }
    /^\}/ { struct = "" }
    END { print "    return 0;\n}" }
' "$root/include/evscale.h" > "$work/layout.c"
cc -std=c99 -Wall -Wextra -Werror -I "$root/include" "$work/layout.c" -o "$work/layout"
"$work/layout" > "$work/layout.txt"
# Functions and types of callbacks with their parameters, a line each.
sed 's/^EVSCALE_API //' "$root/include/evscale.h" |
    awk '/^[a-z].*[ *]evscale_[a-z_]*\(/ || /^typedef [a-z0-9_]+ \(\*/ { open = 1 } open { gsub(/^ +/, ""); printf "%s ", $0 } /;$/ && open { print ""; open = 0 }' |
    sed 's/ *$//' >> "$work/layout.txt"

for part in symbols layout; do
    if [ "${1:-}" = --write ]; then
        cp "$work/$part.txt" "$root/abi/$part.txt"
    elif ! diff -u "$root/abi/$part.txt" "$work/$part.txt"; then
        echo "abi/$part.txt differs; if nothing is gone or changed, run tests/c/abi.sh --write" >&2
        exit 1
    fi
done
echo "ABI: $(wc -l < "$work/symbols.txt") symbols, $(grep -c offset "$work/layout.txt") fields as in abi/"
