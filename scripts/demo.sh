#!/usr/bin/env bash
# The main job on real sample messages: 101 messages of a simulated hospital go through two channels, while the partner is stopped and
# started again and the engine is killed once. Ends with what arrived where, what was dropped and why, and the ledger; exits 1 where a
# message is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
hilum=${HILUM:-$root/.build/debug/hilum}
messages=$root/Tests/Corpus/hl7/simhospital/messages-101.hl7
work=$(mktemp -d "${TMPDIR:-/tmp}/hilum-demo.XXXXXX")
export SWIFT_BACKTRACE=enable=no

engine=""; partner=""; sender=""
cleanup() {
  for process in $sender $partner $engine; do kill -9 "$process" 2>/dev/null || true; done
  wait 2>/dev/null || true
  if [ -z "${KEEP:-}" ]; then rm -rf "$work"; else echo "Everything is left in $work"; fi
}
trap cleanup EXIT
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
fail() { printf '\n\033[31mThe demo went wrong: %s\033[0m\n' "$*" >&2; tail -n 20 "$work/engine.log" >&2 || true; exit 1; }

free_port() {
  local port
  for _ in $(seq 200); do
    port=$((20000 + RANDOM % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo "$port"; return; fi
  done
  fail "no free port was found"
}

# What the two channel files read of the environment.
ADT_PORT=$(free_port); EHR_PORT=$(free_port)
export ADT_PORT EHR_PORT IN="$work/in" OUT="$work/out"
mkdir -p "$IN/drop" "$OUT/adt" "$OUT/drop"
cd "$work"

start_engine() {
  "$hilum" run --channels "$root/Channels" --data "$work/data" >"$work/ready" 2>>"$work/engine.log" &
  engine=$!
  for _ in $(seq 200); do
    if grep -q ready "$work/ready" 2>/dev/null; then cat "$work/ready"; return; fi
    kill -0 "$engine" 2>/dev/null || fail "the engine did not start"
    sleep 0.05
  done
  fail "the engine was not ready in time"
}
start_partner() {
  "$hilum" receive "mllp://127.0.0.1:$EHR_PORT" --quiet --into "$work/ehr-$1" >"$work/ehr-$1.log" 2>&1 &
  partner=$!
}
waiting() { "$hilum" status --data "$work/data" | sed -n 's/.* \([0-9][0-9]*\) waiting.*/\1/p' | awk '{sum += $1} END {print sum + 0}'; }

say "1. A partner for the EHR, and the engine with the channels of this project"
start_partner 1
start_engine

say "2. A hospital sends 101 messages, 12 a second"
"$hilum" send "mllp://127.0.0.1:$ADT_PORT" "$messages" --rate 12 --resend 60 >"$work/sent" 2>&1 &
sender=$!
sleep 2.5
"$hilum" status --data "$work/data"

say "3. The EHR goes down; messages are still accepted, and wait"
kill "$partner"; wait "$partner" || true; partner=""
sleep 2
"$hilum" status adt-to-ehr --data "$work/data"

say "4. The engine is killed (kill -9), and started again; the sender sends again what was not acknowledged"
kill -9 "$engine"; wait "$engine" 2>/dev/null || true
start_engine

say "5. The EHR comes back and gets what waited, in order"
start_partner 2
wait "$sender" || fail "not every message was acknowledged: $(cat "$work/sent")"
sender=""
cat "$work/sent"

say "6. The same messages as a file in the drop folder"
cp "$messages" "$IN/drop/.night.part"
mv "$IN/drop/.night.part" "$IN/drop/night.hl7"

for _ in $(seq 400); do
  [ "$(find "$OUT/drop" -name '*.hl7' | wc -l)" -ge 101 ] && [ "$(waiting)" = 0 ] && break
  sleep 0.1
done
"$hilum" status --data "$work/data"

say "7. What arrived where"
ehr=$(cat "$work"/ehr-*/* | tr '\r' '\n' | awk -F'|' '/^MSH/ {print $10}')
distinct=$(sort -u <<<"$ehr" | wc -l)
echo "EHR:             $(wc -l <<<"$ehr") messages, $distinct different control ids"
echo "out/adt:         $(find "$OUT/adt" -name '*.hl7' | wc -l) admissions"
echo "out/drop:        $(find "$OUT/drop" -name '*.hl7' | wc -l) messages"

say "8. What was dropped, and why"
"$hilum" messages list --data "$work/data" --channel adt-to-ehr --state dropped
dropped=$("$hilum" messages list --data "$work/data" --channel adt-to-ehr --state dropped --json | sed -n 's/^ *"id" : "\(.*\)",*$/\1/p' | head -1)
echo
"$hilum" why "$dropped" --data "$work/data"

say "9. One message that went through"
routed=$("$hilum" messages list --data "$work/data" --channel adt-to-ehr --state routed --limit 1 --json | sed -n 's/^ *"id" : "\(.*\)",*$/\1/p' | head -1)
"$hilum" why "$routed" --data "$work/data"

say "10. The ledger"
"$hilum" audit --data "$work/data" || fail "the ledger does not add up"

[ "$distinct" = 100 ] || fail "the EHR got $distinct different messages; it should have 100 (101 less the one that is dropped)"
[ "$(find "$OUT/adt" -name '*.hl7' | wc -l)" = 42 ] || fail "out/adt should hold 42 admissions"
[ "$(find "$OUT/drop" -name '*.hl7' | wc -l)" = 101 ] || fail "out/drop should hold 101 messages"
kill "$engine"; wait "$engine" || fail "the engine did not stop in order"
engine=""
say "Everything arrived: nothing lost over a partner that was down and an engine that was killed."
