#!/usr/bin/env bash
# Makes the program of random calls from the header, and runs it under the sanitizers: RANDOM_CALLS (20,000), RANDOM_SEED (1).
set -euo pipefail
. "$(dirname "$0")/common.sh"
work=$out/random
mkdir -p "$work"
python3 "$root/tests/c/random_calls.py" > "$work/random_calls.c"
cc -std=c11 -g -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all -I "$root/include" -I "$root/tests/c" \
    "$work/random_calls.c" -L "$libraries" -levscale -lm "-Wl,-rpath,$libraries" -o "$work/random_calls"
"$work/random_calls" "${RANDOM_CALLS:-20000}" "${RANDOM_SEED:-1}" "$work"
