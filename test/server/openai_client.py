"""What openai-clients.test.ts does with npm's package, done with PyPI's; prints what came of it."""
import json
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key="unused", max_retries=0)
chat = client.chat.completions


def user(content):
    return [{"role": "user", "content": content}]


def error_of(model, **more):
    try:
        reply = chat.create(**{"model": model, "messages": user("hi"), **more})
        for _ in reply if more.get("stream") else []:
            pass
    except openai.APIError as error:
        return [type(error).__name__, error.code, error.param]


def say(content):
    headers = {"x-session-id": sys.argv[2]}
    reply = chat.create(model="memory", messages=user(content), extra_headers=headers)
    return reply.choices[0].message.content


def streamed():
    text, total = "", 0
    options = {"include_usage": True}
    for chunk in chat.create(
        model="echo", messages=user("grüß 👋 dich"), stream=True, stream_options=options
    ):
        for choice in chunk.choices:
            text += choice.delta.content or ""
        if chunk.usage:
            total = chunk.usage.total_tokens
    return [text, total]


def aborted():
    stream = chat.create(model="slow", messages=user("hi"), stream=True)
    first = next(iter(stream))
    stream.close()
    return first.id.removeprefix("chatcmpl-")


whole = chat.create(model="echo", messages=user("grüß 👋 dich"), temperature=0.5)
print(
    json.dumps(
        {
            "models": [model.id for model in client.models.list()],
            "model": client.models.retrieve("echo").id,
            "content": whole.choices[0].message.content,
            "finishReason": whole.choices[0].finish_reason,
            "totalTokens": whole.usage.total_tokens,
            "hasRequestId": whole.id == f"chatcmpl-{whole._request_id}",
            "streamed": streamed(),
            "session": [say("one"), say("two")],
            "errors": [
                error_of("nobody"),
                error_of("echo", n=2),
                error_of("limited"),
                error_of("down"),
                error_of("half", stream=True),
            ],
            "aborted": aborted(),
        }
    )
)
