#!/usr/bin/env python3
"""Writes Sources/CV2ToFHIRTables/guide.tables: the maps of the HL7 v2-to-FHIR guide as compact text.

    python3 scripts/v2-to-fhir-tables.py FOLDER > Sources/CV2ToFHIRTables/guide.tables

FOLDER is `mappings/` of github.com/HL7/v2-to-fhir at commit 8c9b414b (2025-10-01), the tables behind hl7.fhir.uv.v2mappings 1.0.0
(repository Apache-2.0, the guide CC0-1.0), in its folders messages, segments, datatypes and codesystems, with file names
shortened: `HL7 Segment - FHIR R4_ PID[Patient] - PID.csv` is `segments/PID--Patient.csv`.
docs/scaffold.md says how the file is read.
"""

import csv
import sys
from pathlib import Path


def cell(text):
    return " ".join(text.split())


def name(path):
    first, mark, second = path.stem.partition("--")
    return f"{first}[{second}]" if mark else first


def rows(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.reader(file))
    # Two rows of heads; a row has its number in the file.
    for number, row in enumerate(table[2:], start=3):
        if any(cell(text) for text in row):
            yield number, [cell(text) for text in row] + [""] * 20


def printed(letter, path, columns):
    print(letter, name(path))
    for number, row in rows(path):
        print((" " + "\t".join([str(number), *(row[column] for column in columns)])).rstrip("\t"))


def main(folder):
    print("# The HL7 v2-to-FHIR guide (hl7.fhir.uv.v2mappings 1.0.0); made by scripts/v2-to-fhir-tables.py")
    print("# from github.com/HL7/v2-to-fhir, commit 8c9b414b. Copyright HL7 International; CC0-1.0.")
    for path in sorted(folder.glob("messages/*.csv")):
        # Identifier, syntax, name, max, condition in three forms, target, map, references.
        printed("M", path, [1, 2, 3, 5, 6, 7, 8, 9, 10, 11])
    for letter, kind in (("S", "segments"), ("D", "datatypes")):
        for path in sorted(folder.glob(f"{kind}/*.csv")):
            # Identifier, name, type, max, condition in three forms, attribute, its type, map, vocabulary, assignment.
            printed(letter, path, [1, 2, 3, 5, 6, 7, 8, 9, 11, 14, 15, 16])
    for path in sorted(folder.glob("codesystems/*.csv")):
        print("C", name(path))
        with path.open(encoding="utf-8-sig", newline="") as file:
            heads = [cell(text) for text in list(csv.reader(file))[1]]
        # The code of HL7 v2, the condition, the code of FHIR and its system, wherever the heads stand.
        fhir = len(heads) - 1 - heads[::-1].index("Code")
        system = len(heads) - 1 - heads[::-1].index("Code System")
        for number, row in rows(path):
            print(" " + "\t".join([str(number), row[0], row[3], row[fhir], row[system] if system > fhir else ""]))


main(Path(sys.argv[1]))
