"""Sends the messages of a file, one a line with segments parted by '~~', with python-hl7's MLLP client; prints each answer's MSA."""
import sys

import hl7
from hl7.client import MLLPClient

port, path, encoding = int(sys.argv[1]), sys.argv[2], sys.argv[3]
with open(path, encoding="utf-8") as file:
    messages = [line.rstrip("\n").replace("~~", "\r") + "\r" for line in file]
with MLLPClient("127.0.0.1", port, encoding=encoding) as client:
    for message in messages:
        answer = client.send_message(message)
        parsed = hl7.parse(answer.strip(b"\x0b\x1c\r").decode(encoding))
        print(parsed.segment("MSH")[9], parsed.segment("MSA")[1], parsed.segment("MSA")[2], flush=True)
