#!/usr/bin/env python3
"""Writes Sources/CHL7Tables/hl7.tables: the structures of HL7 v2 as compact text.

The facts come from the tables of the Python package hl7apy 1.3.5 (MIT, CRS4), which took them from the standard:

    python3 -m venv /tmp/hl7apy && /tmp/hl7apy/bin/pip install hl7apy==1.3.5
    /tmp/hl7apy/bin/python scripts/hl7-tables.py > Sources/CHL7Tables/hl7.tables

Which events share a structure stands in hl7-events.txt beside this script, as hl7apy doesn't say it.
docs/hl7-tables.md says how the file is read.
"""

import importlib
import re
from pathlib import Path

VERSIONS = "2.1 2.2 2.3 2.3.1 2.4 2.5 2.5.1 2.6 2.7 2.8 2.8.1 2.8.2".split()
tables = [importlib.import_module("hl7apy.v" + version.replace(".", "_")) for version in VERSIONS]


def number(identifier):
    """`PID_3` is number 3: from 2.6 on withdrawn fields are left out, so the position says nothing."""
    return int(identifier.rsplit("_", 1)[1])


def table(name):
    return name[3:] if name and re.fullmatch(r"HL7\d{4}", name) else "-"


def entry(reference, cardinality):
    """The type, bounds and table of a field or component; the type `-` is a withdrawn one."""
    least, most = cardinality
    # An unknown type is one that the standard leaves open.
    kind = reference[2] or "varies"
    if kind in ("WD", "wd") or most == 0:
        return ("-", 0, 0, "-")
    return (kind, least, most, table(reference[4]))


def lists(attribute, versions):
    """The elements of all versions: {name: {number: {entry: mask}}}, and how the newest version calls each."""
    elements, names = {}, {}
    for bit, version in enumerate(versions):
        for name, children in getattr(version, attribute).items():
            if attribute == "SEGMENTS":
                children = children[1] if len(children) > 1 else ()
            if name == "ANYHL7SEGMENT" or not children:
                continue
            if isinstance(children[0], str):
                children = (children,)
            numbers = elements.setdefault(name, {})
            for identifier, reference, cardinality, *_ in children:
                at = number(identifier)
                variants = numbers.setdefault(at, {})
                found = entry(reference, cardinality)
                variants[found] = variants.get(found, 0) | 1 << bit
                if found[0] != "-" and reference[3]:
                    names[name, at] = reference[3].replace("_", " ").lower().replace(" s ", "'s ")
    return elements, names


def write_elements(letter, attribute):
    elements, names = lists(attribute, tables)
    for name in sorted(elements):
        print(letter, name)
        for at in sorted(elements[name]):
            for (kind, least, most, codes), mask in sorted(elements[name][at].items(), key=lambda item: item[1]):
                if kind != "-":
                    bound = "*" if most < 0 else most
                    print(f" {at} {mask:03x} {kind} {least} {bound} {codes} {names.get((name, at), '')}".rstrip())


def grammar(children):
    """`MSH SFT* PATIENT_RESULT+( … )`: once, ? at most once, + at least once, * any number of times; one of `[ … ]`."""
    words = []
    for name, reference, (least, most), kind, *_ in children:
        sign = {(1, 1): "", (0, 1): "?", (1, -1): "+", (0, -1): "*"}[least, most]
        if kind == "SEG":
            words.append(name + sign)
        else:
            start, end = "[]" if reference[0] == "choice" else "()"
            words.append(" ".join([name + sign + start, grammar(reference[1]), end]))
    return " ".join(words)


def write_structures():
    structures = {}
    for bit, version in enumerate(tables):
        for name, (_, children, *_) in version.MESSAGES.items():
            # A group's name begins with the structure's, which says nothing inside of it.
            text = re.sub(r"\b" + re.escape(name) + r"_(?=\w)", "", grammar(children))
            variants = structures.setdefault(name, {})
            variants[text] = variants.get(text, 0) | 1 << bit
    for name in sorted(structures):
        print("M", name)
        for text, mask in sorted(structures[name].items(), key=lambda item: item[1]):
            print(f" {mask:03x} {text}")


def write_events():
    """Which structure the messages of a code have: for each the versions and the events."""
    codes, seen = {}, {}
    for line in Path(__file__).with_name("hl7-events.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        structure, versions, *events = line.split()
        first, last = (VERSIONS.index(version) for version in versions.split(".."))
        mask = (1 << last + 1) - (1 << first)
        # What hl7apy doesn't have is a slip here.
        assert all(structure in tables[bit].MESSAGES for bit in range(first, last + 1)), line
        names = [event if "_" in event else structure[:4] + event for event in events]
        for name in names:
            assert not seen.get(name, 0) & mask, name
            seen[name] = seen.get(name, 0) | mask
            codes.setdefault(name[:3], {}).setdefault((structure, mask), []).append(name[4:])
    for code in sorted(codes):
        print("E", code)
        for (structure, mask), events in sorted(codes[code].items()):
            print(f" {mask:03x} {structure} {' '.join(sorted(events))}")


def write_codes():
    """The code tables: a mask for all codes of the same versions."""
    codes, names = {}, {}
    for bit, version in enumerate(tables):
        for name, (title, listed) in getattr(version, "TABLES", {}).items():
            if table(name) == "-":
                continue
            names[name] = title or ""
            for code in listed or ():
                masks = codes.setdefault(name, {})
                masks[code] = masks.get(code, 0) | 1 << bit
    for name in sorted(codes):
        print("T", table(name), names[name])
        by_mask = {}
        for code, mask in codes[name].items():
            if re.fullmatch(r"[!-~]+", code):
                by_mask.setdefault(mask, []).append(code)
        for mask, listed in sorted(by_mask.items()):
            print(f" {mask:03x} {' '.join(sorted(listed))}")


print("# HL7 v2 structures; made by scripts/hl7-tables.py from hl7apy 1.3.5 (MIT, CRS4).")
print("# Facts of the standards of HL7 International.")
print("V", *VERSIONS)
write_elements("S", "SEGMENTS")
write_elements("D", "DATATYPES_STRUCTS")
write_structures()
write_events()
write_codes()
