/** The body of POST /v1/chat/completions. */
import { toBinary } from "@bufbuild/protobuf";
import { StreamExecuteRequestSchema } from "../../../gen/agentlane/v1/agent_service_pb.js";
import { parseChatRequest } from "../../../src/server/openai/chat-request.ts";
import { createValidation } from "../../../src/server/validation.ts";
import { assert, jsonOf, unlessRefused } from "../expectations.ts";

const validate = createValidation();

export function fuzz(data: Buffer): void {
  const json = jsonOf(data);
  if (json === undefined) return;
  const request = unlessRefused(() => parseChatRequest(json, {}));
  assert(Object.keys(Object.prototype).length === 0, "the prototype of all objects was changed");
  if (!request) return;
  unlessRefused(() => validate(StreamExecuteRequestSchema, request.message));
  toBinary(StreamExecuteRequestSchema, request.message);
}
