#!/usr/bin/env bash
# Compiles the C tests and examples with every compiler and standard against both libraries. Steps run side by side.
set -euo pipefail
. "$(dirname "$0")/common.sh"
rm -f "$out"/*-{gcc,g++,clang,clang++}-*
soname=$(readelf -d "$libraries/libevscale.so" | sed -n 's/.*soname: \[\(.*\)\]/\1/p')
ln -sf "$libraries/libevscale.so" "$out/libevscale.so"
ln -sf "$libraries/libevscale.so" "$out/$soname"

export strict="-Wall -Wextra -pedantic -Werror"

# build SOURCE COMPILER STANDARD KIND [FLAG...]: makes $out/SOURCE-COMPILER-STANDARD-KIND.
build() {
    local source=$1 compiler=$2 standard=$3 kind=$4 name libs
    shift 4
    name=$(basename "${source%.*}")-$compiler-$standard-$kind
    case $kind in
    static) libs=("$libraries/libevscale.a" -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc -Wl,-z,noexecstack) ;;
    *) libs=(-L "$out" -levscale -lpthread -lm "-Wl,-rpath,$out") ;;
    esac
    "$compiler" "-std=$standard" $strict "$@" -I "$root/include" "$root/$source" "${libs[@]}" \
        -o "$out/$name"
    echo "compiled"
}

export -f build

c_sources=(tests/c/test_evscale.c tests/c/said.c tests/c/complete.c tests/c/misuse.c tests/c/forks.c tests/c/threads.c examples/c/quickstart.c examples/c/scheduler.c)
cpp_sources=(tests/c/test_evscale.cpp examples/cpp/quickstart.cpp examples/cpp/scheduler.cpp)
sanitize="-g -fsanitize=address,undefined -fno-sanitize-recover=all"
{
    for source in "${c_sources[@]}"; do
        echo "build $source gcc c11 shared && build $source gcc c99 static"
        echo "build $source gcc c11 sanitized $sanitize"
    done
    for source in "${cpp_sources[@]}"; do
        echo "build $source g++ c++17 shared && build $source g++ c++17 static"
        echo "build $source g++ c++17 sanitized $sanitize"
    done
    echo "build tests/c/overflow.c gcc c11 sanitized $sanitize"
    echo "build tests/c/needs.c gcc c99 shared -O1"
    if command -v clang > /dev/null; then
        for source in "${c_sources[@]}"; do
            echo "build $source clang c99 shared && clang -std=c11 $strict -fsyntax-only -I \"\$root/include\" \"\$root/$source\""
        done
        for source in "${cpp_sources[@]}"; do echo "build $source clang++ c++17 shared"; done
    fi
} | sed 's/\(.*\)/{ \1; } > \/dev\/null/' | side_by_side
command -v clang > /dev/null || missing clang
ln -sf test_evscale-gcc-c11-shared "$out/test-shared-c11"
ln -sf quickstart-gcc-c11-shared "$out/quickstart-c11"
ln -sf test_evscale-g++-c++17-shared "$out/test-shared-cpp17"
