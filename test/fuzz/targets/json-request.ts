/** A request in JSON, through validation and admission's guards. */
import { toJsonString } from "@bufbuild/protobuf";
import { ExecuteRequestSchema } from "../../../gen/agentlane/v1/agent_service_pb.js";
import { decode } from "../../../src/server/request-body.ts";
import { createValidation } from "../../../src/server/validation.ts";
import { guardValue } from "../../../src/tasks/json-guard.ts";
import { guardMessages } from "../../../src/tasks/message-guard.ts";
import { assert, unlessRefused } from "../expectations.ts";

const validate = createValidation();

export function fuzz(data: Buffer): void {
  const request = unlessRefused(() => {
    const message = decode(ExecuteRequestSchema, data, true, 64);
    validate(ExecuteRequestSchema, message);
    guardMessages("messages", message.messages);
    if (message.input) guardValue("input", message.input);
    return message;
  });
  assert(Object.keys(Object.prototype).length === 0, "the prototype of all objects was changed");
  if (request) toJsonString(ExecuteRequestSchema, request);
}
