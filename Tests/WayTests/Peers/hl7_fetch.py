"""Connects with python-hl7, takes so many messages and answers each with AA; prints their control ids."""
import asyncio
import sys

import hl7.mllp


async def main():
    reader, writer = await hl7.mllp.open_hl7_connection("127.0.0.1", int(sys.argv[1]), encoding="utf-8")
    print("connected", flush=True)
    for _ in range(int(sys.argv[2])):
        message = await reader.readmessage()
        print(str(message.segment("MSH")[10]), flush=True)
        writer.writemessage(message.create_ack("AA"))
        await writer.drain()
    writer.close()


asyncio.run(main())
