"""Has an Orthanc ask its modality `hilum` to commit itself to what it holds: HTTP-PORT INSTANCE…

Sends all that it holds, asks, and prints what was reported. With instances (CLASS=UID) it asks for those instead.
"""
import json, sys, time, urllib.request

base = f"http://127.0.0.1:{sys.argv[1]}"


def ask(path, data=None):
    data = None if data is None else json.dumps(data).encode()
    with urllib.request.urlopen(base + path, data=data, timeout=30) as answer:
        return json.loads(answer.read())


if len(sys.argv) > 2:
    wanted = {"DicomInstances": [pair.split("=") for pair in sys.argv[2:]]}
else:
    ids = ask("/instances")
    sent = ask("/modalities/hilum/store", {"Resources": ids, "Synchronous": True})
    print("sent", sent["InstancesCount"], sent["FailedInstancesCount"])
    wanted = {"Resources": ids}
path = ask("/modalities/hilum/storage-commitment", wanted)["Path"]
for _ in range(100):
    report = ask(path)
    if report["Status"] != "Pending":
        break
    time.sleep(0.1)
print(report["Status"], len(report["Success"]), len(report["Failures"]))
