#!/usr/bin/env bash
# Installs as a user would, in folders with a blank and a letter beyond ASCII, without LD_LIBRARY_PATH, and builds and runs
# everything against it: `make install` in a fresh clone and the lines of docs/c.md; a tarball, unpacked, by pkg-config
# (shared, static, wholly static), by CMake, in Go, and as a plugin of uWSGI; what the tarball promises of itself.
#
# TARBALL=FILE tests a tarball that was made before, such as that of `make dist`.
set -euo pipefail
. "$(dirname "$0")/common.sh"
work="$out/installed"
rm -rf "$work"
mkdir -p "$work/ein Ordner für Pakete"
unset LD_LIBRARY_PATH PKG_CONFIG_PATH
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
tarball=${TARBALL:-$(DIST="$work" LEVEL=1 "$root/packaging/dist.sh" "$libraries" "$version")}
tar -C "$work/ein Ordner für Pakete" -xzf "$tarball"
prefix=$(echo "$work/ein Ordner für Pakete"/evscale-*)
export work prefix

# The output is read whole: a program whose reader leaves early may end by a signal.
runs() {
    local said
    said=$("$@")
    head -n 1 <<< "$said" | grep -qx "[0-9]* jobs" || { echo "$1 does not run"; return 1; }
}

needs_no_executable_stack() {
    readelf -lW "$1" | grep GNU_STACK | grep -q 'RW ' || { echo "$1 asks for an executable stack"; return 1; }
}

# The files of a tarball: manuals and notices are there; the oldest glibc is that of its name; both libraries give the functions of
# the header and nothing else, and are not larger than what was promised.
as_promised() {
    local file name=${prefix##*/} functions most needed library=$prefix/lib/libevscale.so
    for file in LICENSE-MIT LICENSE-APACHE THIRD-PARTY.md sbom.cdx.json c-reference.md json.md settings.md valgrind.supp tsan.supp; do
        [ -s "$prefix/share/doc/evscale/$file" ] || { echo "there is no $file"; return 1; }
    done
    for file in evscale evscale_new evscale_fleet_tick; do
        [ -s "$prefix/share/man/man3/$file.3" ] || { echo "there is no manual of $file"; return 1; }
    done
    needed=$("$root/packaging/glibc.sh" "$library")
    most=$(printf '%s\n' "$needed" "${name##*-glibc}" | sort -V | tail -n 1)
    [ "$most" = "${name##*-glibc}" ] || { echo "$name needs glibc $needed"; return 1; }
    functions=$(grep -oE '\bevscale_[a-z0-9_]+\(' "$prefix/include/evscale.h" | LC_ALL=C sort -u)
    for library in "--dyn-syms $prefix/lib/libevscale.so" "-s $prefix/lib/libevscale.a"; do
        diff <(tr -d '(' <<< "$functions") <(readelf -W "${library%% *}" "${library#* }" |
            awk '$5 == "GLOBAL" && $7 != "UND" { sub(/@.*/, "", $8); print $8 }' | LC_ALL=C sort -u) || return 1
    done
    [ -z "$(readelf -SW "$prefix/lib/libevscale.so" | grep -E ' \.(symtab|debug_info) ')" ] || { echo "the shared library is not stripped"; return 1; }
    [ "$(stat -Lc %s "$prefix/lib/libevscale.so")" -le "${MOST_BYTES:-32000000}" ] || { echo "the shared library is too large"; return 1; }
    echo "glibc $needed, $(wc -l <<< "$functions") functions, $(stat -Lc %s "$prefix/lib/libevscale.so") bytes"
}

by_pkg_config() {
    local flags static strict=(-Wall -Wextra -pedantic -Werror)
    export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
    eval "flags=($(pkg-config --cflags --libs evscale))"
    eval "flags+=(-Wl,-rpath,$(pkg-config --variable=libdir evscale))"
    eval "static=($(pkg-config --cflags --libs evscale-static))"
    cc -std=c99 "${strict[@]}" "$root/examples/c/quickstart.c" "${flags[@]}" -o "$work/c"
    c++ -std=c++17 "${strict[@]}" "$root/examples/cpp/quickstart.cpp" "${flags[@]}" -o "$work/cpp"
    cc -std=c99 "${strict[@]}" "$root/examples/c/quickstart.c" "${static[@]}" -o "$work/static-c"
    c++ -std=c++17 "${strict[@]}" "$root/tests/c/test_evscale.cpp" "${static[@]}" -o "$work/static"
    eval "static=($(pkg-config --static --cflags --libs evscale))"
    cc -static -std=c99 "$root/examples/c/quickstart.c" "${static[@]}" -o "$work/all-static"
    # a function of another Rust library in the same program
    echo 'int rust_eh_personality(void) { return 0; }' > "$work/other.c"
    eval "static=($(pkg-config --cflags --libs evscale-static))"
    cc "$work/other.c" "$root/examples/c/quickstart.c" "${static[@]}" -o "$work/mixed"
    for program in c cpp static-c all-static mixed; do
        runs "$work/$program"
        needs_no_executable_stack "$work/$program"
    done
    "$work/static"
    [ -z "$(readelf -d "$work/static-c" | grep 'libevscale')" ] || { echo "evscale-static links the shared library"; return 1; }
    echo "shared, static and wholly static programs run"
}

by_cmake() {
    mkdir "$work/cmake"
    cat > "$work/cmake/CMakeLists.txt" << CMAKE
cmake_minimum_required(VERSION 3.16)
project(consumer C CXX)
find_package(evscale 0.1 REQUIRED)
add_executable(shared "$root/examples/c/quickstart.c")
target_link_libraries(shared PRIVATE evscale::evscale)
add_executable(cpp "$root/examples/cpp/quickstart.cpp")
target_link_libraries(cpp PRIVATE evscale::cpp)
add_executable(static "$root/tests/c/test_evscale.cpp")
target_compile_features(static PRIVATE cxx_std_17)
target_link_libraries(static PRIVATE evscale::evscale_static)
CMAKE
    cmake -S "$work/cmake" -B "$work/cmake/build" -DCMAKE_PREFIX_PATH="$prefix"
    cmake --build "$work/cmake/build"
    runs "$work/cmake/build/shared"
    runs "$work/cmake/build/cpp"
    needs_no_executable_stack "$work/cmake/build/static"
    "$work/cmake/build/static"
}

# `make install` of a fresh clone builds first; a cargo that has built already stands in for the real one. Then the compile
# lines of docs/c.md, as they are, and `make uninstall`.
by_readme() {
    local lines line said clone="$work/ein Klon für C" here="$work/plain"
    mkdir -p "$clone" "$work/bin"
    git -C "$root" ls-files -z | (cd "$root" && tar --null -T - --ignore-failed-read -cf -) | tar -C "$clone" -xf -
    cat > "$work/bin/cargo" << CARGO
#!/bin/sh
mkdir -p "\$CARGO_TARGET_DIR/release"
cp "$libraries"/libevscale.a "$libraries"/libevscale.so "$libraries"/lib_evscale.so "\$CARGO_TARGET_DIR/release/"
CARGO
    chmod +x "$work/bin/cargo"
    cd "$clone"
    export PATH="$work/bin:$PATH" PKG_CONFIG_PATH="$here/lib/pkgconfig"
    env -u CARGO_TARGET_DIR make -s install PREFIX="$here"
    mapfile -t lines < <(grep -E '^(cc|c\+\+) ' docs/c.md)
    [ "${#lines[@]}" -ge 4 ] || { echo "docs/c.md has ${#lines[@]} compile lines, expected at least 4"; return 1; }
    for line in "${lines[@]}"; do
        rm -f quickstart
        echo "$line"
        bash -c "$line"
        said=$(./quickstart)
        head -n 1 <<< "$said" | grep -x "$(grep -m 1 -E '^[0-9]+ jobs$' README.md)"
    done
    env -u CARGO_TARGET_DIR make -s uninstall PREFIX="$here"
    [ ! -e "$here" ] || { echo "uninstall left: $(find "$here")"; return 1; }
    # as a distribution installs: other folders below DESTDIR, and moved afterwards
    env -u CARGO_TARGET_DIR make -s install PREFIX=/usr LIBDIR=/usr/lib/x86_64-linux-gnu DESTDIR="$work/a staging area"
    mv "$work/a staging area" "$work/image"
    PKG_CONFIG_PATH="$work/image/usr/lib/x86_64-linux-gnu/pkgconfig" bash -c "${lines[0]}"
    runs ./quickstart
    echo "${#lines[@]} lines of docs/c.md work"
}

by_go() {
    export PKG_CONFIG_PATH="$prefix/lib/pkgconfig" GOCACHE="$out/go-cache" GOFLAGS=-mod=mod GOPROXY=off
    export CGO_LDFLAGS="\"-Wl,-rpath,$prefix/lib\""
    cd "$root/examples/go"
    [ -z "$(gofmt -l . "$root/go")" ]
    go build -o "$work/go" .
    runs "$work/go"
    cd "$root/go/evscale"
    go vet .
    "$libraries/golden" records > "$work/records.jsonl"
    EVSCALE_GOLDEN="$root/tests/golden" EVSCALE_GOLDEN_RECORDS="$work/records.jsonl" go test -race -count 1 .
}

# uWSGI is compiled by pip once, and kept.
by_uwsgi() {
    local environment=$out/uwsgi-venv
    export PKG_CONFIG_PATH="$prefix/lib/pkgconfig" LD_LIBRARY_PATH="$prefix/lib"
    if [ ! -x "$environment/bin/uwsgi" ]; then
        python3 -m venv "$environment"
        "$environment/bin/pip" install -q --disable-pip-version-check uwsgi==2.0.31 || { missing uWSGI; return; }
    fi
    "$root/examples/uwsgi/run.sh" "$environment/bin/uwsgi" "$work/uwsgi"
}
export -f runs needs_no_executable_stack as_promised by_pkg_config by_cmake by_readme by_go by_uwsgi

! command -v go > /dev/null && [ -x /usr/local/go/bin/go ] && export PATH="$PATH:/usr/local/go/bin"
for tool in pkg-config cmake go; do command -v $tool > /dev/null || missing $tool; done
{
    echo "step uwsgi bash -euo pipefail -c by_uwsgi"
    echo "step promises bash -euo pipefail -c as_promised"
    ! command -v pkg-config > /dev/null || echo "step pkg-config bash -euo pipefail -c by_pkg_config"
    ! command -v cmake > /dev/null || echo "step cmake bash -euo pipefail -c by_cmake"
    ! command -v pkg-config > /dev/null || echo "step readme bash -euo pipefail -c by_readme"
    ! command -v go > /dev/null || echo "step go bash -euo pipefail -c by_go"
} | side_by_side
