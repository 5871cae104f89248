#!/usr/bin/env python3
"""Writes the objects of DICOM that cases beside transforms take, so that what is in them can be read here.

    scripts/dicom-samples.py          writes them all

They are made from nothing: no patient, no scanner and no file of anybody's stands behind them.
"""
import pathlib
import struct

ROOT = pathlib.Path(__file__).resolve().parent.parent
CT, MR, US = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.6.1"
PT = "1.2.840.10008.5.1.4.1.1.128"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
LONG = {"OB", "OW", "SQ", "UN", "UT"}


def value(vr, given):
    if isinstance(given, bytes):
        data = given
    elif vr == "US":
        data = struct.pack("<H", given)
    elif vr == "UL":
        data = struct.pack("<L", given)
    else:
        data = given.encode("utf-8")
    return data + (b"\0" if vr in ("UI", "OB") else b" ") * (len(data) % 2)


def elements(listed, explicit):
    written = b""
    for tag, vr, given in listed:
        head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
        if vr == "SQ":
            inner = (elements(item, explicit) for item in given)
            data = b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<L", len(item)) + item for item in inner)
        else:
            data = value(vr, given)
        if explicit:
            head += vr.encode() + (b"\0\0" + struct.pack("<L", len(data)) if vr in LONG else struct.pack("<H", len(data)))
        else:
            head += struct.pack("<L", len(data))
        written += head + data
    return written


def file(listed, syntax):
    known = {tag: given for tag, _, given in listed}
    meta = elements(
        [(0x00020001, "OB", b"\0\1"), (0x00020002, "UI", known[0x00080016]), (0x00020003, "UI", known[0x00080018]),
         (0x00020010, "UI", syntax), (0x00020012, "UI", "2.25.1"), (0x00020013, "SH", "SAMPLE")], True)
    length = elements([(0x00020000, "UL", len(meta))], True)
    return b"\0" * 128 + b"DICM" + length + meta + elements(listed, syntax == EXPLICIT)


def image(sop_class, number, modality, description, patient, extra=()):
    listed = [
        (0x00080005, "CS", "ISO_IR 192"), (0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL"), (0x00080016, "UI", sop_class),
        (0x00080018, "UI", f"2.25.1000.{number}"), (0x00080020, "DA", "20261122"), (0x00080030, "TM", "101530.25"),
        (0x00080060, "CS", modality), (0x00080070, "LO", "MAKER"), (0x00080080, "LO", "st. elsewhere "),
        (0x00080081, "ST", "1 Main Street"), (0x00081030, "LO", description), (0x00100010, "PN", "Müller^Jürgen"),
        (0x00100020, "LO", patient), (0x00100030, "DA", "19700101"), (0x00100040, "CS", "M"),
        (0x00190010, "LO", "MAKER_01"), (0x00191001, "LO", "gated"), (0x0020000D, "UI", "2.25.1000"),
        (0x0020000E, "UI", "2.25.1000.1"), (0x00280002, "US", 1), (0x00280010, "US", 4), (0x00280011, "US", 4),
        (0x00280100, "US", 8), (0x00280101, "US", 8), (0x00280102, "US", 7), (0x00280103, "US", 0),
        (0x00400275, "SQ", [
            [(0x00400007, "LO", "Thorax"), (0x00400009, "SH", "S1"), (0x00401001, "SH", "R1")],
            [(0x00400009, "SH", "S2"), (0x00401001, "SH", "R2")]]),
        (0x7FE00010, "OW", bytes(range(16))),
    ]
    return sorted(listed + list(extra), key=lambda one: one[0])


THORAX = image(CT, 1, "CT", "CT Thorax", "42")
CARDIAC = image(MR, 2, "MR", "MR Cardiac stress", "42")
NO_PATIENT = image(CT, 3, "CT", "CT Thorax", "")
ULTRASOUND = image(US, 4, "US", "US Abdomen", "42")
BURNED_IN = image(CT, 5, "CT", "CT Thorax", "42", [(0x00280301, "CS", "YES")])
# What a research feed keeps of the maker's own, beside what it doesn't.
GATED = [(0x00190011, "LO", "GEMS_ACQU_01"), (0x0019119C, "LO", "cardiac gating"), (0x0019119D, "LO", "Müller")]
PLAIN_MR = image(MR, 6, "MR", "MR Knee of Mr Müller", "42")
PET = image(PT, 7, "PT", "PET whole body", "4711")


# What programs that make HL7 v2 and FHIR of images have to see: everything said, hardly anything said, names in other
# writings, and texts that would be separators of HL7.
def told(*extra, patient="4711", name="Müller^Jürgen^Karl^Dr.^MBE", charset="ISO_IR 192"):
    listed = [
        (0x00080005, "CS", charset), (0x00080016, "UI", CT), (0x00080018, "UI", "2.25.2000.1.1"),
        (0x00080020, "DA", "20260131"), (0x00080030, "TM", "101500.120000"), (0x00080050, "SH", "A-2026-17"),
        (0x00080060, "CS", "CT"), (0x00080090, "PN", ""), (0x00081030, "LO", "CT chest"), (0x00100010, "PN", name),
        (0x00100020, "LO", patient), (0x00100030, "DA", "19800229"), (0x00100040, "CS", "M"),
        (0x0020000D, "UI", "2.25.2000"), (0x0020000E, "UI", "2.25.2000.1"), (0x00200010, "SH", "S17"),
        (0x00200011, "IS", "2"), (0x00200013, "IS", "1"),
    ]
    given = {tag for tag, _, _ in extra}
    return sorted([one for one in listed if one[0] not in given] + list(extra), key=lambda one: one[0])


def coded(code, scheme, meaning):
    return [(0x00080100, "SH", code), (0x00080102, "SH", scheme), (0x00080104, "LO", meaning)]


def issuer(local, uid=None):
    return [(0x00400031, "UT", local)] + ([(0x00400032, "UT", uid), (0x00400033, "CS", "ISO")] if uid else [])


def request(procedure, step, accession=None, code=None):
    listed = [(0x00400007, "LO", "Chest, helical"), (0x00400009, "SH", step), (0x00401001, "SH", procedure)]
    listed += [(0x00080050, "SH", accession)] if accession else []
    listed += [(0x00321064, "SQ", [coded(code, "99RIS", f"Procedure {code}")])] if code else []
    return sorted(listed, key=lambda one: one[0])


WHOLE = told(
    (0x00080021, "DA", "20260131"), (0x00080031, "TM", "1016"), (0x00080051, "SQ", [issuer("RIS")]),
    (0x00080061, "CS", "PT\\CT\\SR"),
    (0x00080090, "PN", "Berg^Eva^^Dr."), (0x00080096, "SQ", [[(0x00401101, "SQ", [coded("D77", "99STAFF", "Berg")])]]),
    (0x00080201, "SH", "+0100"), (0x00081032, "SQ", [coded("24627-2", "LN", "CT Chest")]),
    (0x0008103E, "LO", "Thorax 1.0 B30f"), (0x00081050, "PN", "Tal^Ida"),
    (0x00081060, "PN", "Wolf^Uwe^^Dr.\\Kern^Ole"), (0x00081070, "PN", "Rot^Mia\\Blau^Leo"),
    (0x00081080, "LO", "Cough\\Fever"), (0x00100021, "LO", "PAS"),
    (0x00100024, "SQ", [[(0x00400032, "UT", "1.2.276.0.76.4"), (0x00400033, "CS", "ISO"), (0x00400035, "CS", "MR")]]),
    (0x00101002, "SQ", [
        [(0x00100020, "LO", "9434765919"), (0x00100021, "LO", "NHS"), (0x00100022, "CS", "TEXT")],
        [(0x00100020, "LO", "04A1B2"), (0x00100022, "CS", "RFID")]]),
    (0x00180015, "CS", "CHEST"), (0x00200060, "CS", "L"), (0x00201206, "IS", "3"), (0x00201208, "IS", "412"),
    (0x00380010, "LO", "V815"), (0x00400275, "SQ", [request("RP1", "SPS1", code="CTTH")]),
    (0x00402016, "LO", "P99"), (0x00402017, "LO", "F88"))
TWO_REQUESTS = told(
    (0x00080050, "SH", ""), (0x00081032, "SQ", [coded("24627-2", "LN", "CT Chest")]),
    (0x00400275, "SQ", [request("RP1", "SPS1", "A-1", "CTTH"), request("RP2", "SPS2", "A-2", "CTAB")]))
# A number against its VR, of which a notification has no use.
BAD_NUMBER = told((0x00200011, "IS", "two"))
# Empty is what a modality writes where nobody knows.
SPARSE = told(
    (0x00080030, "TM", ""), (0x00080050, "SH", ""), (0x00081030, "LO", ""), (0x00100030, "DA", ""),
    (0x00100040, "CS", ""), (0x00200010, "SH", ""), (0x00200011, "IS", ""),
    (0x00081032, "SQ", []), (0x00400275, "SQ", []), name="Müller")
# The example of PS3.5 H.3.1, with escapes of ISO 2022.
JAPANESE = told(
    charset="\\ISO 2022 IR 87",
    name=b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B")
LATIN = told(charset="ISO_IR 100", name="Müller^Zoë".encode("latin-1"))
HOSTILE = told(
    (0x00080050, "SH", "A|1~2&3\rOBX|9"), (0x00081030, "LO", "a|b^c&d~e\r\nPID|1||666\x1c\x0bx"),
    (0x00080090, "PN", "Be|rg^E&va"), (0x0008103E, "LO", "{\"x\": 1}"),
    (0x00081032, "SQ", [coded("C|1", "99^X", "m&m~\rOBR|2")]),
    (0x00400275, "SQ", [request("R|P", "S^P")]), patient="47^11&x|y~z", name="Mül&ler|x~y^O'Neil")
YEAR, MONTH, NO_DATE = (told((0x00100030, "DA", born)) for born in ("1980", "198002", "19801345"))
ODD_NUMBER = told((0x00080050, "SH", "A\x1c1"), (0x00081032, "SQ", [coded("a  b", "99RIS", "")]), patient="47\x0b11")
ODD_CODES = told(
    (0x00080050, "SH", "A\x1c1"), (0x00080060, "CS", "C  T"), (0x00380010, "LO", "V\x1c1"),
    (0x00081032, "SQ", [coded("a  b", "99RIS", "A and B"), coded("c  d", "99RIS", ""), coded("e f", "99RIS", "")]))
NO_NUMBER, BLANK_NUMBER, NO_STUDY = told(patient=""), told(patient="\r\n"), told((0x0020000D, "UI", ""))
TOLD = {
    "whole": WHOLE, "two-requests": TWO_REQUESTS, "sparse": SPARSE, "japanese": JAPANESE, "latin": LATIN,
    "hostile": HOSTILE, "year-of-birth": YEAR, "month-of-birth": MONTH, "no-birth-date": NO_DATE,
    "bad-number": BAD_NUMBER, "odd-number": ODD_NUMBER, "odd-codes": ODD_CODES, "no-patient": NO_NUMBER,
    "blank-patient": BLANK_NUMBER, "no-study": NO_STUDY,
}


def main():
    routes, research = "Transforms/ct-route.tests", "Transforms/research-deid.tests"
    images, imaging = "Examples/images", "Examples/imaging"
    for path, listed, syntax in [
        (f"{routes}/thorax/in.dcm", THORAX, EXPLICIT),
        (f"{routes}/cardiac-mr/in.dcm", CARDIAC, IMPLICIT),
        (f"{routes}/no-patient/in.dcm", NO_PATIENT, EXPLICIT),
        (f"{routes}/ultrasound/in.dcm", ULTRASOUND, EXPLICIT),
        (f"{routes}/burned-in/in.dcm", BURNED_IN, EXPLICIT),
        (f"{research}/thorax/in.dcm", image(CT, 1, "CT", "CT Thorax", "42", GATED), EXPLICIT),
        (f"{research}/cardiac-mr/in.dcm", image(MR, 2, "MR", "MR cardiac stress", "42"), IMPLICIT),
        (f"{research}/knee-mr/in.dcm", PLAIN_MR, EXPLICIT),
        (f"{research}/pet/in.dcm", PET, EXPLICIT),
        (f"{research}/no-patient/in.dcm", NO_PATIENT, EXPLICIT),
        (f"{research}/ultrasound/in.dcm", ULTRASOUND, EXPLICIT),
        (f"{research}/burned-in/in.dcm", BURNED_IN, EXPLICIT),
        (f"{images}/samples/thorax.dcm", THORAX, EXPLICIT),
        (f"{images}/samples/cardiac-mr.dcm", CARDIAC, IMPLICIT),
        (f"{images}/samples/no-patient.dcm", NO_PATIENT, EXPLICIT),
        (f"{imaging}/samples/thorax.dcm", THORAX, EXPLICIT),
        (f"{imaging}/samples/cardiac-mr.dcm", CARDIAC, IMPLICIT),
        (f"{imaging}/samples/burned-in.dcm", BURNED_IN, EXPLICIT),
        (f"{imaging}/Transforms/research.tests/thorax/in.dcm", THORAX, EXPLICIT),
        (f"{images}/Channels/images.tests/thorax/in.dcm", THORAX, EXPLICIT),
    ]:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_bytes(file(listed, syntax))
    for program, names in [
        ("image-to-oru", list(TOLD)),
        ("image-to-orm", ["whole", "two-requests", "sparse", "hostile", "no-patient", "no-study"]),
        ("image-to-fhir", [name for name in TOLD if name != "month-of-birth"]),
    ]:
        for name in names:
            path = ROOT / f"Transforms/{program}.tests/{name}/in.dcm"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file(TOLD[name], EXPLICIT))


main()
