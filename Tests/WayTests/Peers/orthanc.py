"""What an Orthanc holds, and what it sends on: HTTP-PORT FOLDER FILE…

Prints for each file whether an instance of Orthanc says the same, then has it send all of them to its modality `hilum`, and
prints whether that went well; FOLDER holds then what came of it, and each of its files is compared as well.
"""
import json, os, sys, time, urllib.request
from io import BytesIO
from pydicom import dcmread

base, folder, paths = f"http://127.0.0.1:{sys.argv[1]}", sys.argv[2], sys.argv[3:]


def ask(path, data=None):
    with urllib.request.urlopen(base + path, data=data, timeout=30) as answer:
        return answer.read()


def same(one, other):
    # Lengths of groups and trailing padding mean nothing, and Orthanc sends neither on.
    return all(e == other.get(e.tag) for e in one if e.tag.element != 0 and e.tag.group != 0xFFFC)


ids = json.loads(ask("/instances"))
held = [dcmread(BytesIO(ask(f"/instances/{id}/file"))) for id in ids]
for path in paths:
    print("held", any(same(dcmread(path), one) for one in held))
sent = json.loads(ask("/modalities/hilum/store", json.dumps({"Resources": ids, "Synchronous": True}).encode()))
print("sent", sent["InstancesCount"], sent["FailedInstancesCount"])
got = [dcmread(os.path.join(folder, name)) for name in sorted(os.listdir(folder))]
for path in paths:
    print("back", any(same(dcmread(path), one) for one in got))
