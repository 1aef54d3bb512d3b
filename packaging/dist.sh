#!/usr/bin/env bash
# Packs libraries, headers, manuals, models and licences, under a name that tells the oldest glibc they run on:
#   packaging/dist.sh LIBRARIES VERSION [GLIBC]
# Fails if the shared library asks for a newer glibc than GLIBC.
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: $0 LIBRARIES VERSION [GLIBC]" >&2; exit 2; }
libraries=$1 version=$2 most=${3:-}
root=$(cd "$(dirname "$0")/.." && pwd)
machine=$(uname -m)
case $(uname -s) in
Linux)
    needs=$("$root/packaging/glibc.sh" "$libraries/libevscale.so")
    if [ -n "$most" ] && [ "$(printf '%s\n' "$needs" "$most" | sort -V | tail -n 1)" != "$most" ]; then
        echo "$libraries/libevscale.so needs glibc $needs, expected at most $most" >&2
        exit 1
    fi
    name=evscale-$version-linux-$machine-glibc${most:-$needs}
    ;;
*) name=evscale-$version-$(uname -s | tr '[:upper:]' '[:lower:]')-$machine ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$root/packaging/install.sh" install "$libraries" "$version" "/$name" "$work" > /dev/null
install -d "$work/$name/share/evscale/models"
install -m 644 "$root"/models/onnx/{manifest.json,forecaster.onnx,policy.onnx,MODEL_CARD.md} "$work/$name/share/evscale/models/"
mkdir -p "${DIST:=$root/dist}"
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner -cf - "$name" | gzip -n "-${LEVEL:-9}" > "$DIST/$name.tar.gz"
echo "$DIST/$name.tar.gz"
