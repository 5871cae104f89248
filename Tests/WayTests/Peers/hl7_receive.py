"""Receives with python-hl7's asyncio MLLP server: prints its port, then one line for each message; answers what MSH-10 begins with, else AA."""
import asyncio
import sys

import hl7.mllp


async def process(reader, writer):
    try:
        while True:
            message = await reader.readmessage()
            control_id = str(message.segment("MSH")[10])
            print("got", control_id, str(message.segment("PID")[5]), flush=True)
            code = next((c for c in ("AE", "AR") if control_id.startswith(c)), "AA")
            writer.writemessage(message.create_ack(code))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    async with await hl7.mllp.start_hl7_server(process, "127.0.0.1", int(sys.argv[1]), encoding=sys.argv[2]) as server:
        print("listening", server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


asyncio.run(main())
