/** What a call's error says to a person. */
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.js";
import { isLost } from "./connection.ts";

export interface Failure {
  /** The status code, as gRPC spells it. */
  readonly code: string;
  /** The stable reason; empty when there is none. */
  readonly reason: string;
  readonly message: string;
  /** The task it is about; empty when there is none. */
  readonly taskId: string;
  readonly violations: readonly { readonly field: string; readonly description: string }[];
}

export function describeFailure(error: unknown): Failure {
  const wire = ConnectError.from(error);
  const [info] = wire.findDetails(ErrorInfoSchema);
  const violations = wire
    .findDetails(BadRequestSchema)
    .flatMap(({ fieldViolations }) => fieldViolations)
    .map(({ field, description }) => ({ field, description }));
  return {
    code: Code[wire.code].replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase(),
    reason: info?.reason ?? "",
    message: isLost(error) && !info ? "The server cannot be reached." : wire.rawMessage,
    taskId: info?.metadata.task_id ?? "",
    violations,
  };
}
