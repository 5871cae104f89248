"""An archive of pynetdicom: takes objects, and reports what it has of those that it is asked to commit itself to.

PORT same        reports on the association that asked
PORT BACK-PORT   reports on one of its own, to the AE title that asked, at this port of 127.0.0.1
"""
import sys, threading, time
from pydicom.dataset import Dataset
from pynetdicom import AE, AllStoragePresentationContexts, ALL_TRANSFER_SYNTAXES, build_role, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification

port, back = int(sys.argv[1]), sys.argv[2]
kept = set()


def store(event):
    kept.add((event.request.AffectedSOPClassUID, event.request.AffectedSOPInstanceUID))
    return 0x0000


def tell(link, report):
    status, _ = link.send_n_event_report(
        report, 2 if "FailedSOPSequence" in report else 1, StorageCommitmentPushModel, "1.2.840.10008.1.20.1.1")
    print("report", f"{status.Status:04X}" if status else "none", flush=True)


def report_on(event, asked):
    report = Dataset()
    report.TransactionUID = asked.TransactionUID
    for item in asked.ReferencedSOPSequence:
        is_kept = (item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID) in kept
        if not is_kept:
            item.FailureReason = 0x0112
        keyword = "ReferencedSOPSequence" if is_kept else "FailedSOPSequence"
        setattr(report, keyword, list(getattr(report, keyword, [])) + [item])
    time.sleep(0.2)
    if back == "same":
        return tell(event.assoc, report)
    own = AE("PACS")
    own.add_requested_context(StorageCommitmentPushModel)
    link = own.associate(
        "127.0.0.1", int(back), ae_title=event.assoc.requestor.ae_title,
        ext_neg=[build_role(StorageCommitmentPushModel, scp_role=True)])
    if not link.is_established:
        return print("report refused", flush=True)
    tell(link, report)
    link.release()


def act(event):
    asked = event.action_information
    print("asked", len(asked.ReferencedSOPSequence), flush=True)
    threading.Thread(target=report_on, args=(event, asked)).start()
    return 0x0000, None


ae = AE("PACS")
ae.add_supported_context(Verification)
ae.add_supported_context(StorageCommitmentPushModel)
for context in AllStoragePresentationContexts:
    ae.add_supported_context(context.abstract_syntax, ALL_TRANSFER_SYNTAXES)
ae.start_server(
    ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, store), (evt.EVT_N_ACTION, act)])
print("listening", flush=True)
threading.Event().wait()
