#!/usr/bin/env bash
# The programs of other houses that the tests talk to: Python's in .venv, and of Debian's packages, where this runs as root, DCMTK
# and Orthanc with its DICOMweb. Where they can't be had, the tests that need them are skipped by name; so this never fails.
set -uo pipefail
cd "$(dirname "$0")/.."

debian() {
  local missing=()
  command -v storescp >/dev/null || missing+=(dcmtk)
  command -v Orthanc >/dev/null || [ -x /usr/sbin/Orthanc ] || missing+=(orthanc)
  [ -e /usr/share/orthanc/plugins/libOrthancDicomWeb.so ] || missing+=(orthanc-dicomweb)
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "no peers: ${missing[*]} can be installed with apt-get; tests that need them are skipped" >&2
    return 0
  fi
  # One apt at a time: the build's own packages may be on their way. RUNLEVEL=1: no service is started.
  exec 8<scripts/system-packages.sh
  flock 8
  { timeout 120 apt-get update --quiet &&
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 timeout 300 apt-get install --yes --no-install-recommends "${missing[@]}"; } ||
    echo "no peers: ${missing[*]} could not be installed; tests that need them are skipped" >&2
  exec 8<&-
}
debian

# Pinned, and only as wheels: nothing of theirs is run to install them.
wheels=(hl7==0.4.5 prometheus_client==0.26.0 aiosmtpd==1.4.6 atpublic==9.0.0 attrs==26.1.0
  jsonschema==4.26.0 jsonschema-specifications==2025.9.1 referencing==0.37.0 rpds-py==0.30.0 typing_extensions==4.15.0 PyYAML==6.0.3
  fhir.resources==6.2.1 pydantic==1.10.27 email-validator==2.4.0 dnspython==2.9.2 idna==3.20
  pygls==2.1.1 lsprotocol==2025.0.0 cattrs==26.2.1 pydicom==3.0.1 pynetdicom==3.0.4)
want="${wheels[*]}"

if [ -f .venv/peers ] && [ "$(cat .venv/peers)" = "$want" ]; then exit 0; fi

# Two at once would trip over each other: the second waits for the first.
exec 9<scripts/peers.sh
flock 9
if [ -f .venv/peers ] && [ "$(cat .venv/peers)" = "$want" ]; then exit 0; fi

if [ ! -x .venv/bin/python ] && ! python3 -m venv .venv; then
  echo "no peers: python3 -m venv failed; tests that need them are skipped" >&2
  exit 0
fi
pip=(.venv/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps)
for attempt in 1 2 3; do
  if timeout 60 "${pip[@]}" "${wheels[@]}"; then
    echo "$want" >.venv/peers
    exit 0
  fi
  echo "attempt $attempt to install $want failed" >&2
done
echo "no peers: tests that need them are skipped" >&2
exit 0
