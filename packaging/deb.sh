#!/usr/bin/env bash
# Builds the Debian packages into dist/: packaging/deb.sh VERSION. What cargo has built in CARGO_TARGET_DIR is used again.
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: $0 VERSION" >&2; exit 2; }
version=$1
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source=$work/evscale-$version
mkdir -p "$source" "$root/dist"
git -C "$root" ls-files -z | (cd "$root" && tar --null -T - --ignore-failed-read -cf -) | tar -C "$source" -xf -
cp -r "$source/packaging/debian" "$source/debian"
cat > "$source/debian/changelog" << CHANGELOG
evscale ($version) unstable; urgency=medium

  * See CHANGELOG.md.

 -- evscale <evscale@users.noreply.github.com>  $(date -R -d "@$(git -C "$root" log -1 --format=%ct)")
CHANGELOG
(cd "$source" && dpkg-buildpackage -us -uc -b)
# both unpacked: the quickstart finds them by pkg-config, and runs
for package in "$work"/*.deb; do dpkg -x "$package" "$work/image"; done
PKG_CONFIG_PATH=$(dirname "$(find "$work/image" -name evscale.pc)")
export PKG_CONFIG_PATH
# shellcheck disable=SC2046
cc -std=c99 "$root/examples/c/quickstart.c" $(pkg-config --cflags --libs evscale) "-Wl,-rpath,$(pkg-config --variable=libdir evscale)" -o "$work/quickstart"
"$work/quickstart" | head -n 1
mv "$work"/*.deb "$root/dist/"
ls "$root"/dist/*.deb
