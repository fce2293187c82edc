/** A request in Protobuf's binary form, through validation and admission's guards. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ExecuteRequestSchema } from "../../../gen/agentlane/v1/agent_service_pb.js";
import { decode } from "../../../src/server/request-body.ts";
import { createValidation } from "../../../src/server/validation.ts";
import { guardValue } from "../../../src/tasks/json-guard.ts";
import { guardMessages } from "../../../src/tasks/message-guard.ts";
import { assertSame, unlessRefused } from "../expectations.ts";

const validate = createValidation();

export function fuzz(data: Buffer): void {
  const request = unlessRefused(() => {
    const message = decode(ExecuteRequestSchema, data, false, 64);
    validate(ExecuteRequestSchema, message);
    guardMessages("messages", message.messages);
    if (message.input) guardValue("input", message.input);
    return message;
  });
  if (!request) return;
  const bytes = toBinary(ExecuteRequestSchema, request);
  const again = toBinary(ExecuteRequestSchema, fromBinary(ExecuteRequestSchema, bytes));
  assertSame(Buffer.from(again).toString("hex"), Buffer.from(bytes).toString("hex"), "read again");
}
