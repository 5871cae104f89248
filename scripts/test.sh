#!/usr/bin/env bash
# Builds and runs every test. Shows what failed, what was skipped and how it ended; the whole output is kept in .build/test.log.
set -euo pipefail
cd "$(dirname "$0")/.."

swift build -j "$(nproc)" --build-tests
# Tests wait for sockets and children more than they compute: more at once than cores, but not all.
width=$(($(nproc) * 4))
log=.build/test.log
status=0
swift test --skip-build --parallel --experimental-maximum-parallelization-width "$width" "$@" 2>&1 |
  tee "$log" | grep --line-buffered -vE '^(◇|✔ (Test|Suite|Test case) |\[[0-9]+/[0-9]+\]|Test (Suite|Case) )|^✔ Test (case|")' ||
  status=$?
# grep's own end says nothing: the runner's counts.
status=${PIPESTATUS[0]:-$status}
grep -E '^(✔|✘) Test run with' "$log" | tail -n 1 || true
if ! grep -qE '^✔ Test run with' "$log"; then
  echo "the tests failed: see $log" >&2
  exit 1
fi
exit 0
