"""Compares what Hilum reads with what pydicom reads.

Arguments: a folder with NAME.json for NAME of pydicom's own files, as Hilum writes the JSON of PS3.18 annex F with all values
that are bytes as BulkDataURI `x`. Prints one line for each difference, and at the end how many files and elements were compared.
"""

import json
import math
import struct
import sys
import warnings
from pathlib import Path

import pydicom
from pydicom import config

warnings.simplefilter("ignore")
config.settings.reading_validation_mode = config.IGNORE
config.convert_wrong_length_to_UN = True

elements = 0
files = 0


def is_nothing(element):
    return not element.get("Value") and "InlineBinary" not in element and "BulkDataURI" not in element


def number(value):
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def is_same(a, b, vr):
    if isinstance(a, str) and isinstance(b, str) and vr in ("CS", "LO", "SH", "AE"):
        # Each value has its own padding, of which pydicom takes off the last one's.
        a, b = a.strip(), b.strip()
    if a == b or (a in (None, "") and b in (None, "")):
        return True
    x, y = number(a), number(b)
    if x is None or y is None:
        return False
    if vr == "FL":
        # The shortest digits that are this number among those of 32 bits.
        return math.isnan(x) and math.isnan(y) or struct.pack("f", x) == struct.pack("f", y)
    return x == y or (math.isnan(x) and math.isnan(y)) or math.isclose(x, y, rel_tol=1e-6)


def compare(ours, theirs, path, name, dataset):
    global elements
    for tag in sorted(set(ours) | set(theirs)):
        where = f"{name} {path}{tag}"
        if tag not in ours or tag not in theirs:
            # pydicom leaves out of its JSON what it finds invalid, though it is there.
            if tag.endswith("0000") or tag in ours and int(tag, 16) in dataset:
                continue
            print(where, "only", "ours" if tag in ours else "theirs")
            continue
        elements += 1
        if tag == "00080005":
            continue
        a, b = ours[tag], theirs[tag]
        if a["vr"] == "UN" and int(tag[3], 16) % 2 == 1:
            # pydicom has a dictionary of private elements too.
            continue
        if a["vr"] != b["vr"]:
            print(where, "vr", a["vr"], b["vr"])
            continue
        if is_nothing(a) and is_nothing(b):
            continue
        if a["vr"] == "SQ":
            left, right = a.get("Value", []), b.get("Value", [])
            if len(left) != len(right):
                print(where, "items", len(left), len(right))
            for index, (x, y) in enumerate(zip(left, right)):
                compare(x, y or {}, f"{path}{tag}[{index + 1}].", name, dataset[int(tag, 16)].value[index])
        elif ("BulkDataURI" in a) != ("BulkDataURI" in b):
            print(where, "bulk", a, b)
        elif "BulkDataURI" not in a:
            left, right = a.get("Value", []), b.get("Value", [])
            if len(left) != len(right) or not all(is_same(x, y, a["vr"]) for x, y in zip(left, right)):
                print(where, "value", json.dumps(left)[:80], json.dumps(right)[:80])


for path in sorted(Path(sys.argv[1]).glob("*.json")):
    source = path.read_text().split("\n", 1)
    name = Path(source[0]).name
    dataset = pydicom.dcmread(source[0], force=True)
    from pydicom.filewriter import correct_ambiguous_vr
    try:
        correct_ambiguous_vr(dataset, dataset.original_encoding[1])
    except Exception:
        pass
    theirs = dataset.to_json_dict(1, lambda element: "x", suppress_invalid_tags=True)
    files += 1
    compare(json.loads(source[1]), theirs, "", name, dataset)
print("compared", files, elements)
