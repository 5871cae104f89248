#!/usr/bin/env python3
"""Makes the code tables of Transforms/codes from the guide "HL7 v2 to FHIR" (github.com/HL7/v2-to-fhir, `mappings/`).

    scripts/v2-to-fhir-codes.py FOLDER

FOLDER holds the guide's `codesystems`. A table has one row for each code of HL7 v2 that the guide maps, and those that
it leaves open and that must become something; `source` says whose decision a row is. What is not a table here keeps its
code under the address of HL7's own code system (http://terminology.hl7.org/CodeSystem/v2-NNNN).
"""

import csv
import sys
from pathlib import Path

# The table of HL7 v2 and what it is about, and the guide's file. Those of names, addresses and telephones stand beside
# lib/v2fhir.hilt.
TABLES = [
    ("0001", "AdministrativeSex"),
    ("0002", "MaritalStatus"),
    ("0003-encounter-status", "Event--EncounterStatus"),
    ("0004-class", "PatientClass--EncounterClass"),
    ("0004-status", "PatientClass--EncounterStatus"),
    ("0006", "Religion"),
    ("0009", "AmbulatoryStatus"),
    ("0038", "OrderStatus"),
    ("0052", "DiagnosisType"),
    ("0062", "EventReason"),
    ("0063", "Relationship"),
    ("0078", "InterpretationCodes"),
    ("0085", "ObservationResultStatusCodesInterpretation"),
    ("0119", "OrderControlCode--ServiceRequest.status"),
    ("0123", "ResultStatus--Non-Queries"),
    ("0127-category", "AllergenType--AllergyIntoleranceCategory"),
    ("0127-type", "AllergyType"),
    ("0128-criticality", "AllergySeverity--AllergyIntolerance.criticality"),
    ("0128-severity", "AllergySeverity--AllergyIntolerance.reaction.severity"),
    ("0162", "RouteOfAdministration"),
    ("0165", "AdministrationMethod"),
    ("0177", "ConfidentialityCode"),
    ("0217", "EncounterPriority"),
    ("0278", "FillerStatusCodes--Appointment"),
    ("0322", "CompletionStatus"),
    ("0335", "RepeatPattern"),
    ("0443", "ProviderRole"),
    ("0482", "OrderType"),
    ("0485", "ExtendedPriorityCodes"),
]

# What the guide leaves open, or has wrong, and what stands for it; the reasons are in docs/decisions.
DECISIONS = {
    # The guide says "active" for a request to cancel, because the filler has yet to agree. A receiver of orders must
    # not go on with it.
    "0119": [
        ("CA", "revoked", "Cancel order/service request"),
        ("OE", "active", "Order/service released"),
        ("OR", "active", "Released as requested"),
        ("PA", "active", "Parent order/service"),
        ("CH", "active", "Child order/service"),
        ("RE", "completed", "Observations/performed service to follow"),
        ("RP", "active", "Order/service replace request"),
        ("RU", "active", "Replaced unsolicited"),
        ("SN", "active", "Send order/service number"),
        ("NA", "active", "Number assigned"),
        ("XO", "active", "Change order/service request"),
        ("XR", "active", "Changed as requested"),
        ("XX", "active", "Order/service changed, unsolicited"),
        ("DE", "unknown", "Data errors"),
        ("SC", "unknown", "Status changed; ORC-5 says to what"),
        ("UA", "revoked", "Unable to accept order/service"),
    ],
    "0085": [
        ("B", "amended", "Appended report"),
        ("I", "registered", "Specimen in lab; results pending"),
        ("N", "final", "Not asked"),
        ("O", "registered", "Order detail description only (no result)"),
        ("R", "preliminary", "Results entered, not verified"),
        ("S", "preliminary", "Partial results"),
        ("U", "final", "Status change to final without retransmitting"),
        ("V", "final", "Verified"),
    ],
    "0123": [
        ("A", "partial", "Some, but not all, results available"),
        ("M", "preliminary", "Corrected, not final"),
        ("N", "registered", "Procedure completed, results pending"),
        ("Y", "cancelled", "No order on record for this test"),
        ("Z", "cancelled", "No record of this patient"),
    ],
    # A04 registers a patient who has come; the guide's map says "planned", its map of PV1-2 "in-progress".
    "0003-encounter-status": [
        ("A04", "in-progress", "Register a patient"),
        ("A06", "in-progress", "Change an outpatient to an inpatient"),
        ("A07", "in-progress", "Change an inpatient to an outpatient"),
        ("A09", "in-progress", "Patient departing"),
        ("A10", "arrived", "Patient arriving"),
        ("A12", "in-progress", "Cancel transfer"),
        ("A14", "planned", "Pending admit"),
        ("A15", "in-progress", "Pending transfer"),
        ("A16", "in-progress", "Pending discharge"),
        ("A17", "in-progress", "Swap patients"),
        ("A21", "onleave", "Patient goes on a leave of absence"),
        ("A22", "in-progress", "Patient returns from a leave of absence"),
        ("A25", "in-progress", "Cancel pending discharge"),
        ("A26", "in-progress", "Cancel pending transfer"),
        ("A27", "cancelled", "Cancel pending admit"),
        ("A32", "in-progress", "Cancel patient arriving"),
        ("A33", "in-progress", "Cancel patient departing"),
        ("A38", "cancelled", "Cancel pre-admit"),
        ("A52", "in-progress", "Cancel leave of absence"),
        ("A53", "onleave", "Cancel patient returns from a leave of absence"),
    ],
    "0128-criticality": [("MO", "low", "Moderate"), ("U", "unable-to-assess", "Unknown")],
    "0278": [
        ("Discontinued", "cancelled", "Discontinued"),
        ("Blocked", "booked", "Blocked"),
        ("Overbook", "booked", "Overbook"),
        ("Arrived", "arrived", "Arrived"),
        ("Confirmed", "booked", "Confirmed"),
    ],
    "0485": [
        ("P", "urgent", "Preop"),
        ("C", "routine", "Callback"),
        ("T", "urgent", "Timing critical"),
        ("PRN", "routine", "As needed"),
    ],
    "0052": [("W", "CM", "Working"), ("F", "DD", "Final")],
    # The guide's rows of these have the code of FHIR and none of HL7 v2, where the code is a pattern (`Q<integer>H`).
    "0335": [
        ("Q1H", "Q1H", "Every hour"),
        ("Q2H", "Q2H", "Every 2 hours"),
        ("Q3H", "Q3H", "Every 3 hours"),
        ("Q4H", "Q4H", "Every 4 hours"),
        ("Q6H", "Q6H", "Every 6 hours"),
        ("Q8H", "Q8H", "Every 8 hours"),
        ("Q1D", "QD", "Every day"),
    ],
}

# Codes of a few tables whose targets must be right: misspelt, or missing, in the guide.
SYSTEMS = {
    "0128-criticality": "http://hl7.org/fhir/allergy-intolerance-criticality",
    "0052": "http://terminology.hl7.org/CodeSystem/diagnosis-role",
}

# Rows that say something else than the code does.
LEFT_OUT = {
    # Who interprets results, which the guide makes somebody who translates.
    "0443": ["PI"],
}


def rows(path: Path) -> dict[str, tuple[str, str, str, str]]:
    """Each code of HL7 v2 with its target, display, system and text; the first row of a code counts."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.reader(file))
    names = [name.strip() for name in table[1]]
    target = names.index("Code", 1)
    display = names.index("Display")
    system = names.index("Code System", target)
    found: dict[str, tuple[str, str, str, str]] = {}
    for row in table[2:]:
        row = [cell.strip() for cell in row] + [""] * 12
        code, text = row[0], " ".join(row[1].split())
        if not code or not row[target]:
            continue
        # "L,M,N" and "TS<integer>" are several codes, or a pattern; what stands in quotes is about codes.
        if "," in code or "<" in code or '"' in code:
            continue
        found.setdefault(code, (row[target], row[display] or row[target + 1], row[system], text))
    return found


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    guide = Path(sys.argv[1]) / "codesystems"
    folder = Path(__file__).resolve().parent.parent / "Transforms" / "codes"
    for name, file in TABLES:
        table = {code: (*row, "guide") for code, row in rows(guide / f"{file}.csv").items()}
        for code in LEFT_OUT.get(name, []):
            del table[code]
        system = SYSTEMS.get(name) or next((row[2] for row in table.values()), "")
        for code, target, text in DECISIONS.get(name, []):
            display = next((row[1] for row in table.values() if row[0] == target), "")
            table[code] = (target, display, system, text, "hilum")
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(["code", "fhir", "display", "system", "text", "source"])
            for code in sorted(table):
                writer.writerow([code, *table[code]])
    return 0


if __name__ == "__main__":
    sys.exit(main())
