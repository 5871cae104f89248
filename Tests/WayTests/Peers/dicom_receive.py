"""Takes C-STORE with pynetdicom and keeps the data sets as they came: PORT FOLDER STATUS"""
import sys
from pynetdicom import AE, AllStoragePresentationContexts, ALL_TRANSFER_SYNTAXES, evt
from pynetdicom.sop_class import Verification

port, folder, status = int(sys.argv[1]), sys.argv[2], int(sys.argv[3], 16)
count = 0


def store(event):
    global count
    count += 1
    with open(f"{folder}/{count:06}", "wb") as file:
        file.write(event.request.DataSet.getvalue())
    return status


ae = AE("PACS")
ae.add_supported_context(Verification)
for context in AllStoragePresentationContexts:
    ae.add_supported_context(context.abstract_syntax, ALL_TRANSFER_SYNTAXES)
server = ae.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
print("listening", flush=True)
server._server_thread.join() if hasattr(server, "_server_thread") else __import__("threading").Event().wait()
