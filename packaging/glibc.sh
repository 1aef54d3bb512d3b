#!/usr/bin/env bash
# Tells the oldest glibc that a shared library or program runs on: packaging/glibc.sh FILE
set -euo pipefail
readelf -W --version-info "$1" | grep -oE 'GLIBC_[0-9]+(\.[0-9]+)+' | sed s/GLIBC_// | sort -uV | tail -n 1
