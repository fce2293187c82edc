import { create, fromJson, type JsonObject } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ExecuteRequestSchema } from "../../gen/agentlane/v1/agent_service_pb.js";
import { CancelTaskRequestSchema } from "../../gen/agentlane/v1/task_service_pb.js";
import { AgentlaneError } from "../../src/errors.ts";
import { createValidation } from "../../src/server/validation.ts";

const validate = createValidation();

function violations(request: JsonObject): string[] {
  try {
    validate(ExecuteRequestSchema, fromJson(ExecuteRequestSchema, request));
    return [];
  } catch (error) {
    if (error instanceof AgentlaneError) return error.fieldViolations.map(({ field }) => field);
    throw error;
  }
}

const message = { role: "ROLE_USER", content: [{ text: "hi" }] };

test.each<[string, JsonObject, string[]]>([
  ["a good request", { agentId: "a", messages: [message] }, []],
  ["an empty agent id", { messages: [message] }, ["agent_id"]],
  ["an id too long", { agentId: "a".repeat(129) }, ["agent_id"]],
  ["a session key for an id", { agentId: "a", sessionId: "a#b" }, ["session_id"]],
  [
    "a message without a role",
    { agentId: "a", messages: [{ content: [{ text: "" }] }] },
    ["messages[0].role"],
  ],
  [
    "a message without content",
    { agentId: "a", messages: [{ role: "ROLE_USER" }] },
    ["messages[0].content"],
  ],
  [
    "an unknown role",
    { agentId: "a", messages: [message, { ...message, role: 9 }] },
    ["messages[1].role"],
  ],
  [
    "an empty part",
    { agentId: "a", messages: [{ ...message, content: [{}] }] },
    ["messages[0].content[0].part"],
  ],
  ["a timeout of nothing", { agentId: "a", timeout: "0s" }, ["timeout"]],
  ["a timeout too long", { agentId: "a", timeout: "86401s" }, ["timeout"]],
  ["an empty label", { agentId: "a", metadata: { "": "x" } }, ['metadata[""]']],
  ["a long label", { agentId: "a", metadata: { k: "x".repeat(4097) } }, ['metadata["k"]']],
  ["a long key in bytes", { agentId: "a", idempotencyKey: "ü".repeat(129) }, ["idempotency_key"]],
  [
    "a shrinking backoff",
    { agentId: "a", retryPolicy: { multiplier: -1 } },
    ["retry_policy.multiplier"],
  ],
  [
    "unknown enums",
    { agentId: "a", priority: 9, multitaskStrategy: 9, onDisconnect: 9 },
    ["priority", "multitask_strategy", "on_disconnect"],
  ],
])("%s", (_, request, fields) => {
  expect(violations(request)).toEqual(fields);
});

test("the message says what is wrong in words", () => {
  expect(() => validate(CancelTaskRequestSchema, create(CancelTaskRequestSchema))).toThrow(
    "target: exactly one field is required in oneof",
  );
});
