import sys

from agentlane import AgentlaneError, connect

url = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:50051"

with connect(url) as client:
    answer = client.execute("echo", "hello", session_id="s1")
    print(answer.text)

    with client.stream("demo", "What is 6 * 7?", session_id="s1") as stream:
        for event in stream:
            if event.restarted:
                print("\n(the attempt failed; once more)")
            if event.event.HasField("tool_call_started"):
                print(f"[{event.event.tool_call_started.call.name}]")
            print(event.text, end="", flush=True)
    print(f"\n{stream.last_sequence} events")

    try:
        client.execute("nobody", "hello", timeout=10)
    except AgentlaneError as error:
        print(error.code.name, error.reason, error.retryable)
