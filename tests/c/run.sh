#!/usr/bin/env bash
# Compiles the C tests and examples against the static and the shared library, and runs them; under valgrind if it is
# there.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
libraries=$target/release
out=$target/c-tests
mkdir -p "$out"
flags=(-Wall -Wextra -pedantic -Werror -I "$root/include")
system=(-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc)
soname=$(readelf -d "$libraries/libevscale.so" | sed -n 's/.*soname: \[\(.*\)\]/\1/p')
ln -sf "$libraries/libevscale.so" "$out/libevscale.so"
ln -sf "$libraries/libevscale.so" "$out/$soname"
for standard in c99 c11; do
    cc -std=$standard "${flags[@]}" "$root/tests/c/test_evscale.c" "$libraries/libevscale.a" "${system[@]}" \
        -Wl,-z,noexecstack -o "$out/test-static-$standard"
    cc -std=$standard "${flags[@]}" "$root/tests/c/test_evscale.c" -L "$out" -levscale -lm \
        -Wl,-rpath,"$out" -o "$out/test-shared-$standard"
    cc -std=$standard "${flags[@]}" "$root/examples/c/quickstart.c" -L "$out" -levscale -lm \
        -Wl,-rpath,"$out" -o "$out/quickstart-$standard"
    for kind in static shared; do
        echo "C tests, $standard, $kind library"
        "$out/test-$kind-$standard"
    done
    "$out/quickstart-$standard" | head -n 1
done
c++ -std=c++17 "${flags[@]}" "$root/tests/c/test_evscale.cpp" -L "$out" -levscale -Wl,-rpath,"$out" -o "$out/test-cpp17"
echo "C++ tests, c++17, shared library"
"$out/test-cpp17"
foreign=$(nm -D --defined-only "$libraries/libevscale.so" | awk '$2 == "T" && $3 !~ /^evscale_/ {print $3}')
if [ -n "$foreign" ]; then
    echo "the shared library exports foreign symbols: $foreign" >&2
    exit 1
fi
if command -v valgrind >/dev/null; then
    echo "C tests under valgrind"
    for program in test-shared-c11 test-cpp17; do
        valgrind --quiet --suppressions="$root/tests/c/valgrind.supp" --error-exitcode=9 --leak-check=full \
            --show-leak-kinds=definite --errors-for-leak-kinds=definite "$out/$program"
    done
elif [ "${CI:-}" = true ]; then
    echo "valgrind is missing: run make setup-system" >&2
    exit 1
else
    echo "SKIPPED: valgrind is missing (make setup-system)"
fi
