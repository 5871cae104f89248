#!/usr/bin/env bash
# Builds and runs every test; arguments go to `swift test` (`--filter LaneTests`). Shows what failed, what was skipped and the
# runner's closing line; the whole output is kept in .build/test.log.
set -euo pipefail
cd "$(dirname "$0")/.."

swift build -j "$(nproc)" --build-tests
# Tests wait for sockets and children more than they compute: more at once than cores, but not all. What kills processes is
# serialized in its own suite.
width=$(($(nproc) * 4))
log=.build/test.log
passed='^(◇ |✔ (Test|Suite) |\[[0-9]+/[0-9]+\] |Test (Suite|Case) |Building for |Build complete)'
set +e
swift test --skip-build --parallel --experimental-maximum-parallelization-width "$width" "$@" 2>&1 |
  tee "$log" | grep --line-buffered -vE "$passed"
status=${PIPESTATUS[0]}
set -e
grep -E '^(✔|✘) Test run with' "$log" || { echo "the tests ended before their end: see $log" >&2; exit 1; }
exit "$status"
