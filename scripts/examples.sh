#!/usr/bin/env bash
# Runs the commands of every example as they stand in its README: all blocks of one page are one script. Names may be given;
# otherwise all run, and the cases beside the channels and transforms at the root before them.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
hilum=$(realpath "${HILUM:-.build/debug/hilum}")
[ -x "$hilum" ] || { echo "build first: make build" >&2; exit 1; }

work=$(mktemp -d)
running=
cleanup() {
  [ -z "$running" ] || kill -KILL -- "-$running" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
mkdir "$work/bin"
ln -s "$hilum" "$work/bin/hilum"

failed=()
names=("$@")
if [ ${#names[@]} -eq 0 ]; then
  # What ships at the root has cases too.
  "$hilum" fmt --check Transforms Channels Examples || failed+=("layout")
  "$hilum" test || failed+=("cases")
fi
[ ${#names[@]} -gt 0 ] || names=($(cd Examples && ls -d -- */ | tr -d /))
for name in "${names[@]}"; do
  # Programs and files of other houses: an example that needs one that isn't here is left out.
  missing=()
  while read -r program; do
    case $program in
      /*) [ -e "$program" ] ;;
      *) PATH="$PATH:/usr/sbin" command -v "$program" >/dev/null ;;
    esac || missing+=("$program")
  done < <(cat "Examples/$name/needs" 2>/dev/null)
  if [ ${#missing[@]} -gt 0 ]; then
    echo "Examples/$name: left out, as ${missing[*]} isn't installed"
    continue
  fi
  cp -R "Examples/$name" "$work/$name"
  script="$work/$name.sh"
  sed -n '/^```sh$/,/^```$/{/^```/d;p}' "Examples/$name/README.md" >"$script"
  [ -s "$script" ] || { echo "Examples/$name/README.md has no commands" >&2; failed+=("$name"); continue; }
  # A process group of its own, so that nothing outlives its example.
  (cd "$work/$name" && PATH="$work/bin:$PATH:/usr/sbin" exec setsid timeout 120 bash -euo pipefail "$script") \
    >"$work/$name.log" 2>&1 &
  running=$!
  status=0
  wait "$running" || status=$?
  kill -KILL -- "-$running" 2>/dev/null || true
  running=
  if [ "$status" -eq 0 ]; then
    echo "Examples/$name: good"
  else
    echo "Examples/$name: failed with $status"
    sed 's/^/  /' "$work/$name.log"
    failed+=("$name")
  fi
  cd "$root"
done
[ ${#failed[@]} -eq 0 ] || { echo "failed: ${failed[*]}" >&2; exit 1; }
