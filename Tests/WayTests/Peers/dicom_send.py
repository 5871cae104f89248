"""Sends files with pynetdicom: PORT MODE FILE…

store   each by C-STORE; prints the status of each
commit  the same, then asks for storage commitment of them and of one that was never sent, and prints what is reported
        on the same association
listen  the same, and waits for the report on an association of its own: MODE is listen:PORT

With CA, CERTIFICATE and KEY in the environment it speaks TLS.
"""
import os, ssl, sys, threading
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE, evt, build_role
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification

port, mode, paths = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
reported = threading.Event()


def report(event):
    info = event.event_information
    done = len(info.get("ReferencedSOPSequence", []))
    failed = [f"{item.FailureReason:04X}" for item in info.get("FailedSOPSequence", [])]
    print("report", event.event_type, info.TransactionUID, done, *failed, flush=True)
    reported.set()
    return 0x0000, None


ae = AE("PYSCU")
ae.add_requested_context(Verification)
sets = [dcmread(path) for path in paths]
for kind in {(str(s.file_meta.MediaStorageSOPClassUID), str(s.file_meta.TransferSyntaxUID)) for s in sets}:
    ae.add_requested_context(*kind)
ae.add_requested_context(StorageCommitmentPushModel)
if mode.startswith("listen:"):
    ae.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
    ae.ae_title = "PYSCU"
    server = ae.start_server(("127.0.0.1", int(mode[7:])), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, report)])
tls = None
if "CA" in os.environ:
    context = ssl.create_default_context(cafile=os.environ["CA"])
    context.load_cert_chain(os.environ["CERTIFICATE"], os.environ["KEY"])
    tls = (context, "localhost")
link = ae.associate(
    "127.0.0.1", port, ae_title="PACS", evt_handlers=[(evt.EVT_N_EVENT_REPORT, report)], tls_args=tls)
if not link.is_established:
    print("refused" if link.is_rejected else "not established")
    sys.exit(1)
print("echo", f"{link.send_c_echo().Status:04X}")
for data in sets:
    answer = link.send_c_store(data)
    print("store", f"{answer.Status:04X}" if answer else "none", flush=True)
if mode != "store":
    asked = Dataset()
    asked.TransactionUID = "1.2.3.4.5"
    asked.ReferencedSOPSequence = []
    for pair in [(s.SOPClassUID, s.SOPInstanceUID) for s in sets] + [("1.2.840.10008.5.1.4.1.1.2", "1.9.9.9")]:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = pair
        asked.ReferencedSOPSequence.append(item)
    status, _ = link.send_n_action(asked, 1, StorageCommitmentPushModel, "1.2.840.10008.1.20.1.1")
    print("action", f"{status.Status:04X}", flush=True)
    if not reported.wait(20):
        print("no report")
link.release()
