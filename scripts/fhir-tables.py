#!/usr/bin/env python3
"""Writes Sources/CFHIRTables/r4.tables: the resources and data types of FHIR R4 as compact text.

The facts come from the Python package fhir.resources 6.2.1 (BSD), which took them from FHIR 4.0.1:

    python3 -m venv /tmp/fhir && /tmp/fhir/bin/pip install --only-binary :all: fhir.resources==6.2.1 'pydantic[email]<2'
    /tmp/fhir/bin/python scripts/fhir-tables.py > Sources/CFHIRTables/r4.tables

Lists of codes that the package cuts short stand in fhir-codes.txt beside this script.
docs/fhir-tables.md says how the file is read.
"""

import importlib
import pkgutil
import re
from pathlib import Path

import fhir.resources
from fhir.resources.fhirabstractmodel import FHIRAbstractModel

# Whose names differ from those of FHIR.
PRIMITIVES = {
    "bool": "boolean", "String": "string", "Id": "id", "Uri": "uri", "Code": "code", "PositiveInt": "positiveInt",
    "Date": "date", "Markdown": "markdown", "DateTime": "dateTime", "Canonical": "canonical", "Decimal": "decimal",
    "Instant": "instant", "UnsignedInt": "unsignedInt", "Base64Binary": "base64Binary", "Url": "url",
    "Integer": "integer", "Time": "time", "Oid": "oid", "Uuid": "uuid", "Xhtml": "xhtml",
}


def whole_lists():
    lists = {}
    for line in (Path(__file__).parent / "fhir-codes.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            place, _, codes = line.partition(":")
            lists[place] = codes.split()
    return lists


def models():
    """The classes by the name of their type: `Observation`, `ObservationComponent`."""
    found = {}
    for module in pkgutil.iter_modules(fhir.resources.__path__):
        if module.ispkg or module.name.startswith("fhir"):
            continue
        members = vars(importlib.import_module("fhir.resources." + module.name)).values()
        for member in members:
            if isinstance(member, type) and issubclass(member, FHIRAbstractModel) and "resource_type" in member.__fields__:
                found[member.__name__] = member
    return found


def about(text):
    return " ".join((text or "").split()).rstrip(".")


def type_name(field):
    name = field.type_.__name__
    name = PRIMITIVES.get(name) or re.sub(r"Type$", "", name)
    return name


def main():
    whole, used, types = whole_lists(), set(), models()
    print("# FHIR R4 (4.0.1); made by scripts/fhir-tables.py from fhir.resources 6.2.1 (BSD).")
    print("# Facts of the standard of HL7 International.")
    for name in sorted(types):
        model = types[name]
        if name == "FHIRPrimitiveExtension":
            continue
        resource = any(base.__name__ == "Resource" for base in model.__mro__)
        # Behind a disclaimer of the package.
        paragraphs = (model.__doc__ or "").split("\n\n")
        summary = re.split(r"\.\s", paragraphs[-1].strip() + " ", maxsplit=1)[0]
        print(f"{'R' if resource else 'T'} {name} {about(summary)}".rstrip())
        for field in model.element_properties():
            extra = field.field_info.extra
            kind = type_name(field)
            required = field.required or extra.get("element_required") or False
            many = str(field.outer_type_).startswith("typing.List")
            bounds = {(False, False): "?", (True, False): "1", (False, True): "*", (True, True): "+"}[required, many]
            choice = extra.get("one_of_many") or "-"
            if choice != "-" and extra.get("one_of_many_required"):
                choice += "!"
            more = "-"
            place = f"{name}.{field.alias}"
            if extra.get("enum_reference_types"):
                more = ">" + ",".join(extra["enum_reference_types"])
            elif extra.get("enum_values"):
                codes = extra["enum_values"]
                if place in whole:
                    codes = whole[place]
                    used.add(place)
                elif any(re.search(r"[+ ]|etc", code) for code in codes):
                    raise SystemExit(f"{place}: {codes} is cut short, and fhir-codes.txt has no line for it")
                if codes:
                    more = "=" + ",".join(codes)
            print(f" {field.alias} {kind} {bounds} {choice} {more} {about(field.field_info.title)}".rstrip())
    if unknown := sorted(set(whole) - used):
        raise SystemExit(f"fhir-codes.txt names what isn't there: {unknown}")


main()
