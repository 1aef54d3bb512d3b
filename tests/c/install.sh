#!/usr/bin/env bash
# Installs into a prefix with a blank in its path, and builds and runs everything against it: by pkg-config, statically,
# by CMake, by the lines of the README, in Go, and as a plugin of uWSGI.
set -euo pipefail
. "$(dirname "$0")/common.sh"
work=$out/installed
prefix="$work/a prefix"
rm -rf "$work"
mkdir -p "$work"
make --no-print-directory -s -C "$root" install PREFIX="/a prefix" DESTDIR="$work" CARGO_TARGET_DIR="$target"
export work prefix PKG_CONFIG_PATH="$prefix/lib/pkgconfig" LD_LIBRARY_PATH="$prefix/lib"

by_pkg_config() {
    local flags static strict=(-Wall -Wextra -pedantic -Werror)
    eval "flags=($(pkg-config --cflags --libs evscale))"
    eval "static=($(pkg-config --cflags evscale) \"$prefix/lib/libevscale.a\" $(pkg-config --static --libs-only-l evscale | sed 's/-levscale//'))"
    cc -std=c99 "${strict[@]}" "$root/examples/c/quickstart.c" "${flags[@]}" -o "$work/c"
    c++ -std=c++17 "${strict[@]}" "$root/examples/cpp/quickstart.cpp" "${flags[@]}" -o "$work/cpp"
    c++ -std=c++17 "${strict[@]}" "$root/tests/c/test_evscale.cpp" "${static[@]}" -Wl,-z,noexecstack -o "$work/static"
    "$work/c"
    "$work/cpp"
    "$work/static"
}

by_cmake() {
    mkdir "$work/cmake"
    cat > "$work/cmake/CMakeLists.txt" << CMAKE
cmake_minimum_required(VERSION 3.16)
project(consumer C CXX)
find_package(evscale 0.1 REQUIRED)
add_executable(shared "$root/examples/c/quickstart.c")
target_link_libraries(shared PRIVATE evscale::evscale)
add_executable(static "$root/tests/c/test_evscale.cpp")
target_compile_features(static PRIVATE cxx_std_17)
target_link_libraries(static PRIVATE evscale::evscale_static)
CMAKE
    cmake -S "$work/cmake" -B "$work/cmake/build" -DCMAKE_PREFIX_PATH="$prefix"
    cmake --build "$work/cmake/build"
    "$work/cmake/build/shared"
    "$work/cmake/build/static"
}

# The compile lines of the README's section on C, as they are, from a folder like the checkout.
by_readme() {
    local lines line shown
    shown=$(grep -m 1 -E '^[0-9]+ jobs$' "$root/README.md")
    mkdir "$work/readme"
    cd "$work/readme"
    ln -s "$root/examples" "$root/include" .
    mkdir target
    ln -s "$libraries" target/release
    ln -s "$prefix" "$work/plain"
    mapfile -t lines < <(sed -n '/^## C and C++/,/^## /p' "$root/README.md" | grep -E '^(cc|c\+\+) ')
    [ "${#lines[@]}" -ge 4 ] || { echo "the README has ${#lines[@]} compile lines, expected at least 4"; return 1; }
    for line in "${lines[@]}"; do
        rm -f quickstart
        echo "$line"
        PKG_CONFIG_PATH="$work/plain/lib/pkgconfig" bash -c "$line"
        ./quickstart | head -n 1 | grep -x "$shown"
    done
    echo "${#lines[@]} lines of the README work"
}

by_go() {
    cd "$root/examples/go"
    [ -z "$(gofmt -l .)" ]
    GOCACHE="$out/go-cache" GOFLAGS=-mod=mod GOPROXY=off go build -o "$work/go" .
    "$work/go"
}

# uWSGI is compiled by pip once, and kept.
by_uwsgi() {
    local environment=$out/uwsgi-venv
    if [ ! -x "$environment/bin/uwsgi" ]; then
        python3 -m venv "$environment"
        "$environment/bin/pip" install -q --disable-pip-version-check uwsgi==2.0.31 || { missing uWSGI; return; }
    fi
    "$root/examples/uwsgi/run.sh" "$environment/bin/uwsgi" "$work/uwsgi"
}
export -f by_pkg_config by_cmake by_readme by_go by_uwsgi

! command -v go > /dev/null && [ -x /usr/local/go/bin/go ] && export PATH="$PATH:/usr/local/go/bin"
for tool in pkg-config cmake go; do command -v $tool > /dev/null || missing $tool; done
{
    echo "step uwsgi bash -euo pipefail -c by_uwsgi"
    ! command -v pkg-config > /dev/null || echo "step pkg-config bash -euo pipefail -c by_pkg_config"
    ! command -v cmake > /dev/null || echo "step cmake bash -euo pipefail -c by_cmake"
    ! command -v pkg-config > /dev/null || echo "step readme bash -euo pipefail -c by_readme"
    ! command -v go > /dev/null || echo "step go bash -euo pipefail -c by_go"
} | side_by_side
make --no-print-directory -s -C "$root" uninstall PREFIX="/a prefix" DESTDIR="$work" CARGO_TARGET_DIR="$target"
left=$(find "$prefix" -type f)
[ -z "$left" ] || { echo "uninstall left: $left" >&2; exit 1; }
