#!/usr/bin/env bash
# Runs what compile.sh made: plainly, under the sanitizers, and under valgrind. Steps run side by side.
set -euo pipefail
. "$(dirname "$0")/common.sh"

checked() {
    valgrind --quiet --suppressions="$root/tests/c/valgrind.supp" --error-exitcode=9 --leak-check=full \
        --show-leak-kinds=definite --errors-for-leak-kinds=definite "$@"
}

# The planted mistake must be found.
finds_overflow() {
    if "$out/overflow-gcc-c11-sanitized" 2> "$out/logs/overflow"; then
        echo "the sanitizer did not see the planted overflow"
        return 1
    fi
    grep -q "heap-buffer-overflow" "$out/logs/overflow" && echo "the planted overflow was found"
}

# The pool of the example grows in the rush and shrinks after it.
grows_and_shrinks() { "$@" | tee /dev/stderr | awk '/Scale up from/ {g++} /Scale down from/ {s++} END {print g " times up, " s " times down"; exit !(g && s)}'; }
export -f checked finds_overflow grows_and_shrinks

# said once below: what it asks for changes what a forked child may do
unset RUST_BACKTRACE RUST_LIB_BACKTRACE
{
    if command -v valgrind > /dev/null; then
        for program in {test_evscale,said,complete,misuse,scheduler,quickstart}-gcc-c11-shared \
            {test_evscale,scheduler}-g++-c++17-shared; do
            echo "step $program-valgrind checked \"\$out/$program\" 5"
        done
    fi
    for scheduler in "$out"/scheduler-*-*; do
        case $scheduler in
        *gcc-c11-shared | *g++-c++17-static) echo "step $(basename "$scheduler") grows_and_shrinks \"$scheduler\"" ;;
        *) echo "step $(basename "$scheduler") \"$scheduler\" 5" ;;
        esac
    done
    echo "step forks-with-backtraces env RUST_BACKTRACE=1 \"\$out/forks-gcc-c11-shared\""
    for program in "$out"/{test_evscale,said,needs,complete,misuse,forks,threads,quickstart}-{gcc,g++,clang,clang++}-*; do
        [ ! -e "$program" ] || echo "step $(basename "$program") \"$program\""
    done
    echo "step overflow-sanitized finds_overflow"
    echo "step random-calls \"\$root/tests/c/random.sh\""
} | side_by_side
command -v valgrind > /dev/null || missing valgrind
