import { create, equals } from "@bufbuild/protobuf";
import { AIMessage, AIMessageChunk, HumanMessage, ToolMessage } from "@langchain/core/messages";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Message, MessageSchema, Role } from "../../gen/agentlane/v1/content_pb.js";
import { createChunkWriter } from "../../src/executor/langgraph/chunks.ts";
import { fromLangChain, toLangChain } from "../../src/executor/langgraph/messages.ts";
import { finishReasonOf, usageOf } from "../../src/executor/langgraph/usage.ts";

type Parts = NonNullable<Parameters<typeof create<typeof MessageSchema>>[1]>["content"];

function messageOf(role: Role, content: Parts): Message {
  return create(MessageSchema, {
    id: "m1",
    role,
    name: "someone",
    ...(content ? { content } : {}),
  });
}

function thereAndBack(message: Message): Message[] {
  return toLangChain([message]).map((each) => ({
    ...fromLangChain(each, 0),
    createdAt: undefined,
  }));
}

const bytes = new Uint8Array([0, 1, 254, 255]);

describe("messages survive the way to LangChain and back", () => {
  it.each<[string, Role, Parts]>([
    ["text", Role.USER, [{ part: { case: "text", value: "hello" } }]],
    [
      "pictures",
      Role.USER,
      [
        { part: { case: "text", value: "look" } },
        {
          part: {
            case: "image",
            value: {
              source: { case: "data", value: bytes },
              mediaType: "image/png",
              detail: "low",
            },
          },
        },
        { part: { case: "image", value: { source: { case: "url", value: "https://a/b.png" } } } },
      ],
    ],
    [
      "files",
      Role.USER,
      [
        {
          part: {
            case: "file",
            value: {
              source: { case: "data", value: bytes },
              mediaType: "application/pdf",
              name: "a.pdf",
            },
          },
        },
        { part: { case: "file", value: { source: { case: "fileId", value: "file-1" } } } },
        { part: { case: "file", value: { source: { case: "url", value: "https://a/b.pdf" } } } },
      ],
    ],
    [
      "tool calls and reasoning",
      Role.ASSISTANT,
      [
        { part: { case: "reasoning", value: "hm" } },
        { part: { case: "text", value: "let me see" } },
        { part: { case: "toolCall", value: { id: "c1", name: "f", arguments: { a: [1, null] } } } },
        { part: { case: "toolCall", value: { id: "c2", name: "g", arguments: {} } } },
      ],
    ],
    [
      "tool results",
      Role.TOOL,
      [
        {
          part: { case: "toolResult", value: { toolCallId: "c1", text: "42", isError: true } },
        },
      ],
    ],
    ["system messages", Role.SYSTEM, [{ part: { case: "text", value: "be kind" } }]],
  ])("%s", (_name, role, content) => {
    const message = messageOf(role, content);
    const [again] = thereAndBack(message);
    expect(again && equals(MessageSchema, again, message)).toBe(true);
  });

  it("any text of any role", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, unit: "binary" }),
        fc.constantFrom(Role.USER, Role.ASSISTANT, Role.SYSTEM),
        (value, role) => {
          const message = messageOf(role, [{ part: { case: "text", value } }]);
          const [again] = thereAndBack(message);
          expect(again && equals(MessageSchema, again, message)).toBe(true);
        },
      ),
    );
  });

  it("several results become as many messages", () => {
    const result = (toolCallId: string) => ({
      part: { case: "toolResult" as const, value: { toolCallId, text: toolCallId } },
    });
    const messages = toLangChain([messageOf(Role.TOOL, [result("a"), result("b")])]);
    expect(messages.map(({ id, text }) => [id, text])).toEqual([
      ["m1", "a"],
      ["m1:1", "b"],
    ]);
  });

  it("JSON is text to a model", () => {
    const value = { kind: { case: "numberValue" as const, value: 5 } };
    const [message] = toLangChain([messageOf(Role.USER, [{ part: { case: "json", value } }])]);
    expect(message?.content).toBe("5");
  });
});

describe("what LangChain's messages say is kept", () => {
  it("blocks of any provider", () => {
    const message = new AIMessage({
      id: "m",
      content: [
        { type: "thinking", thinking: "hm" },
        { type: "text", text: "one " },
        { type: "text", text: "two" },
        { type: "tool_use", id: "c", name: "f", input: {} },
        { type: "video", url: "https://a/b" },
      ],
      tool_calls: [{ id: "c", name: "f", args: { a: 1 }, type: "tool_call" }],
    });
    expect(fromLangChain(message, 0).content.map(({ part }) => part.case)).toEqual([
      "reasoning",
      "text",
      "json",
      "toolCall",
    ]);
  });

  it("a message without content still has a part", () => {
    expect(fromLangChain(new AIMessage({ id: "m", content: "" }), 0).content).toHaveLength(1);
  });

  it("a tool's blocks become text", () => {
    const message = new ToolMessage({
      tool_call_id: "c",
      content: [
        { type: "text", text: "a" },
        { type: "json", value: 1 },
      ],
    });
    expect(fromLangChain(message, 0).content[0]?.part).toMatchObject({
      value: { toolCallId: "c", text: 'a\n{"type":"json","value":1}' },
    });
  });

  it("reasons and usage in the words of other providers", () => {
    const message = (metadata: Record<string, unknown>) =>
      new AIMessage({ content: "", response_metadata: metadata });
    expect(finishReasonOf(message({ stop_reason: "end_turn" }))).toBe("stop");
    expect(finishReasonOf(message({ stop_reason: "tool_use" }))).toBe("tool_calls");
    expect(finishReasonOf(message({ finishReason: "MAX_TOKENS" }))).toBe("length");
    expect(finishReasonOf(message({}))).toBe("stop");
    expect(usageOf(new HumanMessage("hi"))).toBeUndefined();
  });
});

describe("chunks", () => {
  const head = { id: "m", model: "agent", createdAtMs: 1_800_000_000_999 };

  it("carry the role once, and what OpenAI clients expect", () => {
    const writer = createChunkWriter(head);
    expect(writer.text("")).toBeUndefined();
    expect(writer.text("a")).toMatchObject({
      id: "m",
      object: "chat.completion.chunk",
      created: 1_800_000_000,
      model: "agent",
      choices: [{ index: 0, delta: { role: "assistant", content: "a" } }],
    });
    expect(writer.text("b")?.choices[0]?.delta?.role).toBeUndefined();
    const last = writer.finish("stop", undefined);
    expect(last.choices[0]).toMatchObject({ finishReason: "stop" });
    expect(last.usage).toBeUndefined();
  });

  it("carry reasoning, refusals and blocks of text", () => {
    const writer = createChunkWriter(head);
    const chunk = writer.message(
      new AIMessageChunk({
        content: [
          { type: "thinking", thinking: "hm" },
          { type: "text", text: "a" },
        ],
        additional_kwargs: { refusal: "no" },
      }),
    );
    expect(chunk?.choices[0]?.delta).toMatchObject({
      content: "a",
      reasoningContent: "hm",
      refusal: "no",
    });
    expect(writer.message(new AIMessageChunk({ content: "" }))).toBeUndefined();
  });

  it("carry the calls of a message that came in one piece", () => {
    const message = new AIMessage({
      content: "",
      tool_calls: [{ id: "c", name: "f", args: { a: 1 }, type: "tool_call" }],
    });
    expect(createChunkWriter(head).message(message)?.choices[0]?.delta?.toolCalls).toMatchObject([
      { index: 0, id: "c", type: "function", function: { name: "f", arguments: '{"a":1}' } },
    ]);
  });
});
