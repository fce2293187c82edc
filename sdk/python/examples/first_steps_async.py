import asyncio
import sys

from agentlane.aio import connect

url = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:50051"


async def main() -> None:
    async with connect(url) as client:
        answers = await asyncio.gather(
            client.execute("echo", "hello"),
            client.execute("echo", "hello again"),
        )
        print([answer.text for answer in answers])

        async with client.stream("demo", "What is 6 * 7?") as stream:
            async for event in stream:
                print(event.text, end="", flush=True)
        print(f"\n{stream.last_sequence} events")


asyncio.run(main())
