#!/usr/bin/env bash
# Runs every example as its README says: the `sh` blocks of Examples/*/README.md, in order, in a copy of the folder.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
binary=${HILUM:-$root/.build/debug/hilum}
work=$(mktemp -d "${TMPDIR:-/tmp}/hilum-examples.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
ln -s "$binary" "$work/bin/hilum"
failed=0; passed=0
for readme in Examples/*/README.md; do
  name=$(basename "$(dirname "$readme")")
  cp -r "$(dirname "$readme")" "$work/$name"
  { echo "set -euo pipefail"; awk '/^```sh$/ {inside = 1; next} /^```$/ {inside = 0} inside' "$readme"; } >"$work/$name.sh"
  began=$SECONDS
  # A session of its own: what an example left running ends with it.
  PATH="$work/bin:$PATH" SWIFT_BACKTRACE=enable=no setsid timeout --foreground 120 \
    bash -c "cd '$work/$name' && exec bash '$work/$name.sh'" >"$work/$name.log" 2>&1 </dev/null &
  session=$!
  if wait "$session"; then
    echo "example $name: passed in $((SECONDS - began)) s"; passed=$((passed + 1))
  else
    echo "example $name: FAILED"; tail -n 40 "$work/$name.log"; failed=$((failed + 1))
  fi
  pkill -9 -s "$session" 2>/dev/null || true
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
