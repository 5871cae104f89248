#!/usr/bin/env bash
# Builds and runs every test. Shows what failed, what was skipped and how it ended; the whole output is kept in .build/test-*.log.
#
# The built tests are run as `swift test` runs them, but write to a file: `swift test` reads a pipe to its end, and a process
# that a test left behind would hold that open. Tests that start and kill processes run by themselves.
set -euo pipefail
cd "$(dirname "$0")/.."

swift build -j "$(nproc)" --build-tests
tests=$(swift build --show-bin-path)/hilumPackageTests.xctest

# What tests leave behind goes with the run. The path is short: a Unix socket's has 107 bytes. HILUM_KEEP=1 keeps it.
TMPDIR=$(mktemp -d /tmp/hilum-test.XXXXXX)
export TMPDIR
[ -n "${HILUM_KEEP:-}" ] || trap 'rm -rf "$TMPDIR"' EXIT

status=0
# run NAME SECONDS OPTIONS…
run() {
  local name=$1 seconds=$2 log=.build/test-$1.log began=$SECONDS ended=0
  shift 2
  timeout --kill-after=10 "$seconds" "$tests" --testing-library swift-testing "$@" >"$log" 2>&1 </dev/null || ended=$?
  grep -E '^(✘|➜) |↳|^error:|warning: .*skipped' "$log" | grep -v 'Test case' | head -n 60 || true
  grep -E '^(✔|✘) Test run with' "$log" | tail -n 1 || true
  echo "$name: $((SECONDS - began)) s"
  if [ "$ended" -ne 0 ] || ! grep -qE '^✔ Test run with' "$log"; then
    [ "$ended" -ne 124 ] || echo "$name: not done within $seconds s" >&2
    echo "$name failed: see $log" >&2
    tail -n 5 "$log" >&2
    status=1
  fi
}

# Tests wait for sockets more than they compute: more at once than cores, but not all.
width=$(($(nproc) * 4))
run rooms 900 --skip 'WayTests|CrashTests' --parallel --experimental-maximum-parallelization-width "$width" "$@"
run crashes 600 --filter CrashTests "$@"
run ways 1500 --filter WayTests "$@"
exit $status
