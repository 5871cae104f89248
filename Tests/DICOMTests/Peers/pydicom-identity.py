"""Reads what Hilum de-identified, and prints what pydicom finds wrong with it.

Arguments: a folder with NAME.dcm. Prints one line for each thing that is wrong, and at the end how many files and elements were read.
"""

import sys
import warnings
from pathlib import Path

import pydicom
from pydicom import config

warnings.simplefilter("ignore")
config.convert_wrong_length_to_UN = True

files = elements = 0
for path in sorted(Path(sys.argv[1]).glob("*.dcm")):
    name = path.name
    try:
        dataset = pydicom.dcmread(path)
        for element in dataset.iterall():
            elements += 1
            if element.tag.is_private:
                print(name, element.tag, "private")
    except Exception as error:
        print(name, type(error).__name__, error)
        continue
    files += 1
    if dataset.get("PatientIdentityRemoved") != "YES" or dataset.get("LongitudinalTemporalInformationModified") != "REMOVED":
        print(name, "doesn't say that identity was removed")
    if [code.CodeValue for code in dataset.get("DeidentificationMethodCodeSequence", [])] != ["113100"]:
        print(name, "doesn't say by which profile")
    if dataset.file_meta.get("MediaStorageSOPInstanceUID", "") != dataset.get("SOPInstanceUID", ""):
        print(name, "meta and data set are of two instances")
    for keyword in ("PatientBirthDate", "AccessionNumber", "StudyDate", "ReferringPhysicianName"):
        if dataset.get(keyword):
            print(name, keyword)
print("read", files, elements)
