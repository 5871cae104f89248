"""Listens with python-hl7 and sends the messages of a file (one a line, segments parted by '~~') to who connects; prints each answer's MSA.
A connection ends after so many messages, and the next one goes on behind what was answered."""
import asyncio
import sys

import hl7
import hl7.mllp

port, path, each = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
with open(path, encoding="utf-8") as file:
    messages = [hl7.parse(line.rstrip("\n").replace("~~", "\r") + "\r") for line in file]
answered = 0


async def process(reader, writer):
    global answered
    try:
        for message in messages[answered : answered + each]:
            writer.writemessage(message)
            await writer.drain()
            answer = await reader.readmessage()
            print(answer.segment("MSA")[1], answer.segment("MSA")[2], flush=True)
            answered += 1
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    async with await hl7.mllp.start_hl7_server(process, "127.0.0.1", port, encoding="utf-8") as server:
        print("listening", flush=True)
        await server.serve_forever()


asyncio.run(main())
