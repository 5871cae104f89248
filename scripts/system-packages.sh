#!/usr/bin/env bash
# Installs what the build and the tests need from Debian. Says what is missing; does nothing where all is there.
set -euo pipefail

# Package: why.
packages=(
  git             # SwiftPM fetches packages with it
  make            #
  pkg-config      # finds SQLite
  libsqlite3-dev  # the store
  libxml2-dev     # XML
  libssl-dev      # sealing of what is stored
  zlib1g-dev      # deflated DICOM, and HTTP compression in SwiftNIO's extras
  tzdata          # time zones of transforms
  openssl         # tests make their certificates with it
  python3         # peers that the tests talk to
  python3-venv    #
)

if ! command -v swift >/dev/null; then
  echo "swift is not on the PATH: install Swift 6.2 or newer from https://www.swift.org/install/linux/" >&2
  exit 1
fi
if ! command -v dpkg-query >/dev/null; then
  echo "this is no Debian: please see to these yourself: ${packages[*]}" >&2
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

# scripts/peers.sh may be at it as well.
exec 8<scripts/system-packages.sh
flock 8
echo "installing ${missing[*]}"
root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "run as root: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  root=(sudo)
fi
install=(env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends)
for attempt in 1 2 3; do
  if "${root[@]}" apt-get update --quiet && "${root[@]}" "${install[@]}" "${missing[@]}"; then exit 0; fi
  echo "attempt $attempt failed" >&2
done
echo "could not install ${missing[*]}" >&2
exit 1
