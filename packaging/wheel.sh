#!/usr/bin/env bash
# Uses the portable wheels in dist/ as a user does: packaging/wheel.sh PYTHON...
#
# The module inside asks for no newer glibc than the wheel's name says. In a fresh environment of each Python, and in another
# folder, the README's program forecasts and decides what the README says.
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: $0 PYTHON..." >&2; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
shopt -s nullglob
wheels=("$root"/dist/evscale-*-manylinux_*.whl)
[ ${#wheels[@]} -ge 1 ] || { echo "dist/ has no portable wheel; run make wheel-portable first" >&2; exit 1; }
wanted=$(grep -m 2 -E '^(in 12 minutes: [0-9]+ |[0-9]+ jobs: )' "$root/README.md" | sed 's/:.*jobs.*//')
for wheel in "${wheels[@]}"; do
    promised=$(sed -E 's/.*manylinux_([0-9]+)_([0-9]+)_.*/\1.\2/' <<< "$wheel")
    unzip -qo "$wheel" -d "$work/unpacked"
    needs=$("$root/packaging/glibc.sh" "$(find "$work/unpacked" -name '_evscale*.so')")
    if [ "$(printf '%s\n' "$needs" "$promised" | sort -V | tail -n 1)" != "$promised" ]; then
        echo "$wheel needs glibc $needs, expected at most $promised" >&2
        exit 1
    fi
    for python in "$@"; do
        rm -rf "$work/venv"
        "$python" -m venv "$work/venv"
        "$work/venv/bin/python" -m pip install -q --disable-pip-version-check "$wheel"
        said=$(cd "$work" && env -u PYTHONPATH "$work/venv/bin/python" "$root/examples/python/quickstart.py" | sed 's/:.*jobs.*//')
        [ "$said" = "$wanted" ] || { echo "$python says: $said; the README: $wanted" >&2; exit 1; }
        echo "$(basename "$wheel"): $("$python" --version), glibc $needs, $(stat -c %s "$wheel") bytes: $(tail -n 1 <<< "$said")"
    done
done
