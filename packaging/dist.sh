#!/usr/bin/env bash
# Packs libraries (stripped), headers, models and licences: packaging/dist.sh LIBRARIES VERSION
set -euo pipefail
[ $# -eq 2 ] || { echo "usage: $0 LIBRARIES VERSION" >&2; exit 2; }
libraries=$1 version=$2
root=$(cd "$(dirname "$0")/.." && pwd)
name=evscale-$version-$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$root/packaging/install.sh" install "$libraries" "$version" "/$name" "$work"
strip --strip-unneeded "$work/$name/lib/libevscale.so.$version"
strip --strip-debug "$work/$name/lib/libevscale.a"
install -d "$work/$name/share/doc/evscale" "$work/$name/share/evscale/models"
install -m 644 "$root"/LICENSE-* "$root/docs/c-reference.md" "$work/$name/share/doc/evscale/"
install -m 644 "$root"/models/onnx/{manifest.json,forecaster.onnx,policy.onnx,MODEL_CARD.md} "$work/$name/share/evscale/models/"
mkdir -p "$root/dist"
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner -czf "$root/dist/$name.tar.gz" "$name"
echo "dist/$name.tar.gz"
