#!/usr/bin/env bash
# Installs into a prefix with a blank in its path, and builds against it: by pkg-config, statically, and by CMake.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
work=$target/c-tests/installed
prefix="$work/a prefix"
rm -rf "$work"
mkdir -p "$work"
make --no-print-directory -s -C "$root" install PREFIX="/a prefix" DESTDIR="$work" CARGO_TARGET_DIR="$target"

missing() {
    if [ "${CI:-}" = true ]; then
        echo "$1 is missing: run make setup-system" >&2
        exit 1
    fi
    echo "SKIPPED: $1 is missing (make setup-system)"
}

strict=(-Wall -Wextra -pedantic -Werror)
if command -v pkg-config >/dev/null; then
    export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
    eval "flags=($(pkg-config --cflags --libs evscale))"
    eval "static=($(pkg-config --cflags evscale) \"$prefix/lib/libevscale.a\" $(pkg-config --static --libs-only-l evscale | sed 's/-levscale//'))"
    cc -std=c99 "${strict[@]}" "$root/examples/c/quickstart.c" "${flags[@]}" -Wl,-rpath,"$prefix/lib" -o "$work/c"
    c++ -std=c++17 "${strict[@]}" "$root/examples/cpp/quickstart.cpp" "${flags[@]}" -Wl,-rpath,"$prefix/lib" -o "$work/cpp"
    c++ -std=c++17 "${strict[@]}" "$root/tests/c/test_evscale.cpp" "${static[@]}" -Wl,-z,noexecstack -o "$work/static"
    "$work/c" | head -n 1
    "$work/cpp" | head -n 1
    "$work/static"
else
    missing pkg-config
fi
if command -v cmake >/dev/null; then
    mkdir "$work/cmake"
    cat > "$work/cmake/CMakeLists.txt" <<CMAKE
cmake_minimum_required(VERSION 3.16)
project(consumer C CXX)
find_package(evscale 0.1 REQUIRED)
add_executable(shared "$root/examples/c/quickstart.c")
target_link_libraries(shared PRIVATE evscale::evscale)
add_executable(static "$root/tests/c/test_evscale.cpp")
target_compile_features(static PRIVATE cxx_std_17)
target_link_libraries(static PRIVATE evscale::evscale_static)
CMAKE
    cmake -S "$work/cmake" -B "$work/cmake/build" -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
    cmake --build "$work/cmake/build" >/dev/null
    "$work/cmake/build/shared" | head -n 1
    "$work/cmake/build/static"
else
    missing cmake
fi
make --no-print-directory -s -C "$root" uninstall PREFIX="/a prefix" DESTDIR="$work" CARGO_TARGET_DIR="$target"
left=$(find "$prefix" -type f)
[ -z "$left" ] || { echo "uninstall left: $left" >&2; exit 1; }
