#!/usr/bin/env bash
# Installs or removes the C library that was built into the folder LIBRARIES:
#   packaging/install.sh install|uninstall LIBRARIES VERSION PREFIX [DESTDIR]
# LIBDIR and INCLUDEDIR of the environment may lie elsewhere than in PREFIX; STRIP=no leaves the shared library its symbols.
set -euo pipefail
[ $# -ge 4 ] || { echo "usage: $0 install|uninstall LIBRARIES VERSION PREFIX [DESTDIR]" >&2; exit 2; }
action=$1 libraries=$2 version=$3 prefix=$4 destdir=${5:-}
libdir=${LIBDIR:-$prefix/lib} includedir=${INCLUDEDIR:-$prefix/include}
here=$(cd "$(dirname "$0")" && pwd)
root=$here/..
# before 1.0 a minor version has an ABI of its own
case $version in 0.*) abi=${version%.*} ;; *) abi=${version%%.*} ;; esac
case $(uname -s) in
Darwin) real=libevscale.$version.dylib soname=libevscale.$abi.dylib plain=libevscale.dylib ;;
*) real=libevscale.so.$version soname=libevscale.so.$abi plain=libevscale.so ;;
esac
docs=$prefix/share/doc/evscale manuals=$prefix/share/man/man3

# The way from one folder to another, so that what was installed can be moved as a whole.
from_to() { python3 -c 'import os, sys; print(os.path.relpath(sys.argv[2], sys.argv[1]))' "$1" "$2"; }

# Fills a template.
filled() {
    sed -e "s|@VERSION@|$version|g" -e "s|@SONAME@|$soname|g" -e "s|@LIBRARY@|$plain|g" \
        -e "s|@TO_INCLUDE@|$(from_to "$2" "$includedir")|g" -e "s|@TO_PREFIX@|$(from_to "$2" "$prefix")|g" "$here/$1" > "$destdir$2/${3:-${1%.in}}"
}

# Every file that is installed, a line each.
files() {
    printf '%s\n' "$includedir/evscale.h" "$includedir"/evscale/{autoscaler,basics,fleet,meter,models,pool,values}.hpp "$includedir/evscale.hpp" \
        "$libdir"/{libevscale.a,"$real","$soname","$plain"} "$libdir"/pkgconfig/evscale{,-static}.pc \
        "$libdir"/cmake/evscale/evscaleConfig{,Version}.cmake
    printf "$docs/%s\n" LICENSE-MIT LICENSE-APACHE THIRD-PARTY.md sbom.cdx.json README.md CHANGELOG.md c-reference.md json.md metrics.md settings.md valgrind.supp tsan.supp
    for page in "$destdir$manuals"/evscale.3 "$destdir$manuals"/evscale_*.3; do echo "$manuals/$(basename "$page")"; done
}

case $action in
install)
    [ -e "$libraries/$plain" ] || { echo "there is no $libraries/$plain; run make build first" >&2; exit 1; }
    for folder in "$includedir/evscale" "$libdir/pkgconfig" "$libdir/cmake/evscale" "$docs" "$manuals"; do install -d "$destdir$folder"; done
    install -m 644 "$root"/include/evscale.h "$root"/include/evscale.hpp "$destdir$includedir/"
    install -m 644 "$root"/include/evscale/*.hpp "$destdir$includedir/evscale/"
    "$here/archive.sh" "$libraries/libevscale.a" "$destdir$libdir/libevscale.a"
    install -m 755 "$libraries/$plain" "$destdir$libdir/$real"
    [ "${STRIP:-yes}" = no ] || strip --strip-unneeded "$destdir$libdir/$real"
    [ "$real" = "$soname" ] || ln -sf "$real" "$destdir$libdir/$soname"
    ln -sf "$soname" "$destdir$libdir/$plain"
    for package in evscale evscale-static; do filled $package.pc.in "$libdir/pkgconfig"; done
    filled evscaleConfig.cmake.in "$libdir/cmake/evscale"
    filled evscaleConfigVersion.cmake.in "$libdir/cmake/evscale"
    install -m 644 "$root"/{LICENSE-MIT,LICENSE-APACHE,THIRD-PARTY.md,sbom.cdx.json,README.md,CHANGELOG.md} "$root"/docs/{c-reference,json,metrics,settings}.md \
        "$root"/tests/c/{valgrind,tsan}.supp "$destdir$docs/"
    python3 "$root/tools/reference.py" --man "$destdir$manuals"
    echo "installed evscale $version in $destdir$prefix"
    ;;
uninstall)
    files | while read -r file; do rm -f "$destdir$file"; done
    # innermost first, and only what is empty
    for folder in "$includedir/evscale" "$includedir" "$libdir/cmake/evscale" "$libdir/cmake" "$libdir/pkgconfig" "$libdir" \
        "$docs" "$prefix/share/doc" "$manuals" "$prefix/share/man" "$prefix/share" "$prefix"; do
        rmdir --ignore-fail-on-non-empty "$destdir$folder" 2> /dev/null || true
    done
    echo "removed evscale from $destdir$prefix"
    ;;
*)
    echo "unknown action: $action" >&2
    exit 2
    ;;
esac
