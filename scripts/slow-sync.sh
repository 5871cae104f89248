#!/usr/bin/env bash
# slow-sync.sh MICROSECONDS COMMAND…: runs a command on a disk that takes so much longer for each sync.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
clang -O2 -shared -fPIC -o "$folder/slow-sync.so" "$(dirname "$0")/slow-sync.c"
SYNC_US=$1 LD_PRELOAD="$folder/slow-sync.so" "${@:2}"
