#!/usr/bin/env bash
# What a machine can say about the layout: swift-format's rules, the walls between the rooms, the grammar of scripts. What it
# says of length, words and pages stands in Tests/HouseTests.
set -euo pipefail
cd "$(dirname "$0")/.."

status=0
for script in scripts/*.sh .ci/run; do
  bash -n "$script" || status=1
done
swift format lint --strict --parallel --recursive Package.swift Sources Tests || status=1
# A room that imports another without declaring it would build by luck.
swift build -j "$(nproc)" --build-tests --explicit-target-dependency-import-check error || status=1
exit $status
