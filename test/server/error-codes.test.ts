import { create } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { TaskErrorSchema } from "../../gen/agentlane/v1/task_pb.js";
import { Code as RpcCode } from "../../gen/google/rpc/code_pb.js";
import { QuotaFailureSchema } from "../../gen/google/rpc/error_details_pb.js";
import { AgentlaneError, type ErrorKind, invalidField, leaseLost } from "../../src/errors.ts";
import { taskFailure, toWireError } from "../../src/server/error-codes.ts";
import { errorTrailers, percentEncoded } from "../../src/server/grpc/status.ts";
import { toTaskError } from "../../src/tasks/task-error.ts";
import { type OutcomeError, outcomeError, statusDetails } from "../interop/client.ts";

/** As a gRPC client reads it. */
function seen(error: ConnectError): OutcomeError {
  const bytes = errorTrailers(error)["grpc-status-details-bin"];
  const { message, details } = statusDetails(Buffer.from(String(bytes), "base64"));
  return outcomeError(error.code, message, details);
}

const unreported = (error: unknown): never => {
  throw error;
};

test.each<[ErrorKind, Code, number | undefined]>([
  ["invalid_argument", Code.InvalidArgument, undefined],
  ["not_found", Code.NotFound, undefined],
  ["already_exists", Code.AlreadyExists, undefined],
  ["failed_precondition", Code.FailedPrecondition, undefined],
  ["out_of_range", Code.OutOfRange, undefined],
  ["permission_denied", Code.PermissionDenied, undefined],
  ["resource_exhausted", Code.ResourceExhausted, 1000],
  ["unavailable", Code.Unavailable, 1000],
  ["deadline_exceeded", Code.DeadlineExceeded, undefined],
  ["canceled", Code.Canceled, undefined],
  ["lease_lost", Code.Aborted, undefined],
  ["data_loss", Code.DataLoss, undefined],
])("%s is %s, retry after %s", (kind, code, retryDelayMs) => {
  const metadata = { task_id: "t1" };
  const wire = toWireError(new AgentlaneError(kind, "WHY", "what to do", { metadata }), unreported);
  expect(wire.code).toBe(code);
  const error = { reason: "WHY", message: "what to do", metadata };
  expect(seen(wire)).toMatchObject(error);
  expect(seen(wire).retryDelayMs).toBe(retryDelayMs);
});

test("a delay of the error's own wins, one that is not retryable gets none", () => {
  const busy = new AgentlaneError("unavailable", "BUSY", "busy", { retryAfterMs: 1500.4 });
  expect(seen(toWireError(busy, unreported)).retryDelayMs).toBe(1501);
  const never = new AgentlaneError("resource_exhausted", "QUOTA", "no", { retryable: false });
  expect(seen(toWireError(never, unreported)).retryDelayMs).toBeUndefined();
});

test("a tenant's limit is a QuotaFailure about the tenant", () => {
  const quota = { tenant: "acme", description: "2 tasks are queued" };
  const refused = new AgentlaneError("resource_exhausted", "TENANT_QUEUED_TASKS", "no", { quota });
  const wire = toWireError(refused, unreported);
  expect(wire.findDetails(QuotaFailureSchema)).toMatchObject([
    { violations: [{ subject: "tenant:acme", description: "2 tasks are queued" }] },
  ]);
  expect(seen(wire)).toMatchObject({ reason: "TENANT_QUEUED_TASKS", retryDelayMs: 1000 });
});

test("what the client is not told is reported", () => {
  const reported: unknown[] = [];
  const report = (error: unknown): number => reported.push(error);
  const cause = new TypeError("secret");
  expect(seen(toWireError(cause, report))).toMatchObject({
    code: "INTERNAL",
    message: "internal error",
  });
  const internal = new AgentlaneError("internal", "BROKEN", "the log is broken", { cause });
  expect(seen(toWireError(internal, report))).toMatchObject({ reason: "BROKEN" });
  expect(JSON.stringify(seen(toWireError(internal, report)))).not.toContain("secret");
  expect(reported).toEqual([cause, internal, internal]);
});

test("a lost lease names its task", () => {
  const wire = toWireError(leaseLost("t1", 3n), unreported);
  expect(seen(wire)).toMatchObject({ code: "ABORTED", reason: "LEASE_LOST" });
});

test("a task's error keeps its code; without one it is INTERNAL", () => {
  const error = create(TaskErrorSchema, {
    code: RpcCode.RESOURCE_EXHAUSTED,
    reason: "MODEL_RATE_LIMITED",
    message: "slow down",
  });
  expect(seen(taskFailure("t1", error))).toEqual({
    code: "RESOURCE_EXHAUSTED",
    reason: "MODEL_RATE_LIMITED",
    message: "slow down",
    metadata: { task_id: "t1" },
    retryDelayMs: 1000,
  });
  expect(taskFailure("t1", undefined).code).toBe(Code.Internal);
  for (const code of [0, 99]) {
    expect(taskFailure("t1", create(TaskErrorSchema, { code })).code).toBe(Code.Internal);
  }
});

test("a task that was refused by its graph names the fields, like a request that was", () => {
  const refused = invalidField("input.messages", "messages belong into the field messages");
  const wire = taskFailure("t1", toTaskError(refused));
  const { metadata, ...direct } = seen(toWireError(refused, unreported));
  expect(direct.fields).toEqual(["input.messages"]);
  expect(seen(wire)).toEqual({ ...direct, metadata: { task_id: "t1" } });
});

test("details fit into a client's header limit", () => {
  const fieldViolations = Array.from({ length: 500 }, (_, index) => ({
    field: `messages[${index}].content`,
    description: "x".repeat(1000),
  }));
  const error = new AgentlaneError("invalid_argument", "INVALID_FIELD", "y".repeat(100_000), {
    fieldViolations,
  });
  const trailers = errorTrailers(toWireError(error, unreported));
  expect(JSON.stringify(trailers).length).toBeLessThan(12_000);
});

test.each([
  ["agent_id: a/b?", "agent_id: a/b?"],
  ["50% ü\n", "50%25 %C3%BC%0A"],
  ["\ud800", "%EF%BF%BD"],
])("%j is %s in grpc-message", (text, encoded) => {
  expect(percentEncoded(text)).toBe(encoded);
  expect(decodeURIComponent(encoded)).toBe(text.toWellFormed());
});
