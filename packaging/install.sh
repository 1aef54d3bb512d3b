#!/usr/bin/env bash
# Installs or removes the C library that was built into the folder LIBRARIES: packaging/install.sh install|uninstall LIBRARIES VERSION PREFIX [DESTDIR]
set -euo pipefail
[ $# -ge 4 ] || { echo "usage: $0 install|uninstall LIBRARIES VERSION PREFIX [DESTDIR]" >&2; exit 2; }
action=$1 libraries=$2 version=$3 root=${5:-}$4
here=$(cd "$(dirname "$0")" && pwd)
abi=$(readelf -d "$libraries/libevscale.so" | sed -n 's/.*soname: \[libevscale\.so\.\(.*\)\]/\1/p')
files=(include/evscale.h include/evscale.hpp lib/libevscale.a "lib/libevscale.so.$version" "lib/libevscale.so.$abi"
    lib/libevscale.so lib/pkgconfig/evscale.pc lib/cmake/evscale/evscaleConfig.cmake
    lib/cmake/evscale/evscaleConfigVersion.cmake)
case $action in
install)
    install -d "$root/include" "$root/lib/pkgconfig" "$root/lib/cmake/evscale"
    install -m 644 "$here/../include/evscale.h" "$here/../include/evscale.hpp" "$root/include/"
    install -m 644 "$libraries/libevscale.a" "$root/lib/"
    install -m 755 "$libraries/libevscale.so" "$root/lib/libevscale.so.$version"
    ln -sf "libevscale.so.$version" "$root/lib/libevscale.so.$abi"
    ln -sf "libevscale.so.$abi" "$root/lib/libevscale.so"
    sed "s/@VERSION@/$version/" "$here/evscale.pc.in" > "$root/lib/pkgconfig/evscale.pc"
    install -m 644 "$here/evscaleConfig.cmake" "$root/lib/cmake/evscale/"
    sed "s/@VERSION@/$version/" "$here/evscaleConfigVersion.cmake.in" > "$root/lib/cmake/evscale/evscaleConfigVersion.cmake"
    echo "installed evscale $version in $root"
    ;;
uninstall)
    for file in "${files[@]}"; do rm -f "$root/$file"; done
    rmdir --ignore-fail-on-non-empty "$root/lib/cmake/evscale" 2>/dev/null || true
    echo "removed evscale from $root"
    ;;
*)
    echo "unknown action: $action" >&2
    exit 2
    ;;
esac
