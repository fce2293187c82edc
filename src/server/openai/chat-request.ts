/** The body of POST /v1/chat/completions as a turn of the contract. docs/openai.md says what it means. */
import type { IncomingHttpHeaders } from "node:http";
import { create, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import {
  type StreamExecuteRequest,
  StreamExecuteRequestSchema,
} from "../../../gen/agentlane/v1/agent_service_pb.js";
import { AgentlaneError } from "../../errors.ts";
import {
  type Field,
  flag,
  isAbsent,
  isRecord,
  list,
  member,
  mismatch,
  record,
  refused,
  text,
} from "./fields.ts";
import { type MessageInit, messageOf } from "./messages.ts";
import { ID, newMessages, sessionIdOf } from "./session.ts";

export interface ChatRequest {
  readonly message: StreamExecuteRequest;
  readonly stream: boolean;
  /** stream_options.include_usage */
  readonly includeUsage: boolean;
}

/** Those of the contract. */
const MAX_MESSAGES = 1000;
const MAX_LABELS = 64;
const MAX_LABEL_NAME_CHARS = 128;
const MAX_LABEL_CHARS = 4096;
const MAX_KEY_BYTES = 256;

export function parseChatRequest(json: unknown, headers: IncomingHttpHeaders): ChatRequest {
  if (!isRecord(json)) {
    throw new AgentlaneError(
      "invalid_argument",
      "MALFORMED_REQUEST",
      "the request body must be a JSON object",
    );
  }
  const body = { value: json, path: "" };
  refuseUnserved(body);
  const stream = flag(member(body, "stream"));
  const options = member(body, "stream_options");
  const sessionId = sessionIdOf(body, headers);
  const message = create(StreamExecuteRequestSchema, {
    agentId: agentOf(member(body, "model")),
    sessionId,
    messages: messagesOf(member(body, "messages"), sessionId),
    metadata: labelsOf(member(body, "metadata")),
    idempotencyKey: keyOf(headers),
  });
  const configurable = settingsOf(body);
  if (configurable) message.configurable = configurable;
  const includeUsage = !isAbsent(options) && flag(member(options, "include_usage"));
  return { message, stream, includeUsage: stream && includeUsage };
}

/** An id that no agent can have is unknown, not malformed: to a client it is a name. */
function agentOf(model: Field): string {
  const id = text(model);
  if (ID.test(id)) return id;
  throw unknownModel(id);
}

export function unknownModel(id: string): AgentlaneError {
  const shown = id.length > 128 ? `${id.slice(0, 128)}…` : id;
  return new AgentlaneError("not_found", "AGENT_NOT_FOUND", `there is no agent "${shown}"`);
}

function messagesOf(messages: Field, sessionId: string): MessageInit[] {
  const all = list(messages);
  if (all.length === 0) throw refused(messages, "is empty");
  if (all.length > MAX_MESSAGES) {
    throw refused(messages, `has ${all.length} messages, ${MAX_MESSAGES} are allowed`);
  }
  const read = new Map(all.map((field) => [field.path, messageOf(field)]));
  const wanted = sessionId === "" ? all : newMessages(messages);
  if (wanted.length === 0) {
    throw refused(messages, "ends with an answer: in a session the last message must be new");
  }
  for (const field of sessionId === "" ? [] : wanted) {
    if (member(field, "role").value === "tool") {
      throw refused(
        member(field, "role"),
        '"tool" has no place here: the agent runs its own tools',
      );
    }
  }
  return wanted.flatMap(({ path }) => read.get(path) ?? []);
}

/** What a client would rely on and not get. Other fields that nobody here reads are ignored. */
function refuseUnserved(body: Field): void {
  const n = member(body, "n");
  if (!isAbsent(n) && n.value !== 1) throw refused(n, "must be 1: an agent gives one answer");
  for (const name of ["tools", "functions"]) {
    const tools = member(body, name);
    if (isAbsent(tools) || list(tools).length === 0) continue;
    throw refused(tools, "is not served: an agent runs its own tools, on the server");
  }
  const modalities = member(body, "modalities");
  if (!isAbsent(modalities)) {
    for (const each of list(modalities)) {
      if (each.value !== "text") throw refused(each, 'must be "text"');
    }
  }
}

type Check = (field: Field) => JsonValue;

/** Handed on as `configurable` under their own names; whether an agent heeds them is its own affair. */
const SETTINGS: Readonly<Record<string, Check>> = {
  temperature: number(0, 2),
  top_p: number(0, 1),
  presence_penalty: number(-2, 2),
  frequency_penalty: number(-2, 2),
  max_tokens: integer(1),
  max_completion_tokens: integer(1),
  seed: integer(Number.MIN_SAFE_INTEGER),
  stop: (field) => (Array.isArray(field.value) ? list(field).map(text) : text(field)),
  reasoning_effort: text,
  verbosity: text,
  response_format: (field) => asJson(record(field)),
};

function settingsOf(body: Field): JsonObject | undefined {
  const given = Object.entries(SETTINGS).flatMap(([name, check]): [string, JsonValue][] => {
    const field = member(body, name);
    return isAbsent(field) ? [] : [[name, check(field)]];
  });
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

function number(least: number, most: number): Check {
  return (field) => {
    const { value } = field;
    if (typeof value === "number" && value >= least && value <= most) return value;
    throw mismatch(field, `a number from ${least} to ${most}`);
  };
}

function integer(least: number): Check {
  return (field) => {
    const { value } = field;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= least) return value;
    throw mismatch(field, least > 0 ? `a whole number from ${least} on` : "a whole number");
  };
}

/** The one who calls has it from JSON.parse. */
function asJson(value: Readonly<Record<string, unknown>>): JsonObject {
  return value as JsonObject;
}

/** The session's id is said already. */
function labelsOf(metadata: Field): Record<string, string> {
  if (isAbsent(metadata)) return {};
  const labels = Object.entries(record(metadata)).filter(([name]) => name !== "session_id");
  if (labels.length > MAX_LABELS) {
    throw refused(metadata, `has ${labels.length} entries, ${MAX_LABELS} are allowed`);
  }
  return Object.fromEntries(
    labels.map(([name, value]) => {
      const field = { value, path: `${metadata.path}.${name.slice(0, MAX_LABEL_NAME_CHARS)}` };
      const isName = name !== "" && name !== "__proto__" && name.length <= MAX_LABEL_NAME_CHARS;
      if (!isName) throw refused(field, `is no name of 1 to ${MAX_LABEL_NAME_CHARS} characters`);
      const label = text(field);
      if (label.length <= MAX_LABEL_CHARS) return [name, label];
      throw refused(field, `has more than ${MAX_LABEL_CHARS} characters`);
    }),
  );
}

function keyOf(headers: IncomingHttpHeaders): string {
  const field = { value: headers["idempotency-key"] ?? "", path: "idempotency-key" };
  const key = text(field);
  if (Buffer.byteLength(key) <= MAX_KEY_BYTES) return key;
  throw refused(field, `is longer than ${MAX_KEY_BYTES} bytes`);
}
