"""What openai-clients.test.ts does with npm's package, done with PyPI's; prints what came of it."""
import asyncio
import json
import sys

import openai
import pydantic

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


def helper():
    options = {"include_usage": True}
    with chat.stream(
        model="echo", messages=user("grüß 👋 dich"), stream_options=options
    ) as stream:
        final = stream.get_final_completion()
    return [final.choices[0].message.content, final.usage.total_tokens]


class Format(pydantic.BaseModel):
    type: str


class Sum(pydantic.BaseModel):
    sum: int
    format: Format


def tools_of(reply):
    return [call["function"]["name"] for call in reply.model_extra["agentlane"]["tool_calls"]]


async def awaited():
    async with openai.AsyncOpenAI(base_url=sys.argv[1], api_key="unused", max_retries=0) as own:
        stream = await own.chat.completions.create(
            model="sum", messages=user("1 + 2"), stream=True
        )
        return [chunk async for chunk in stream]


def aborted():
    stream = chat.create(model="slow", messages=user("hi"), stream=True)
    first = next(iter(stream))
    stream.close()
    return first.id.removeprefix("chatcmpl-")


parsed = chat.parse(model="sum", messages=user("1 + 2"), response_format=Sum)
answer = parsed.choices[0].message.parsed
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
            "helper": helper(),
            "parsed": [answer.sum, answer.format.type],
            "toolCalls": tools_of(parsed),
            "finalToolCalls": tools_of(asyncio.run(awaited())[-1]),
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
