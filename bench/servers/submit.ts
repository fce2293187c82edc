/** Submits turns and waits for their results, in its own process and without RPC; another one works. */
import { create, fromBinary } from "@bufbuild/protobuf";
import { ExecuteRequestSchema } from "../../gen/agentlane/v1/agent_service_pb.js";
import { ANYBODY } from "../../src/tasks/principal.ts";
import { requestBytes } from "../workload.ts";
import { answerOrders } from "./load-loop.ts";
import { benchRuntime } from "./runtime.ts";

const env = JSON.parse(process.argv[2] ?? "{}");
const runtime = await benchRuntime("noop", { ...env, TASK_MANAGER_ENABLED: "false" });
await runtime.start();

const principal = ANYBODY;
const options = { streaming: false, deadlineInMs: undefined };
const never = new AbortController().signal;
const request = fromBinary(ExecuteRequestSchema, Buffer.from(requestBytes(), "base64"));

answerOrders(async () => {
  const input = create(ExecuteRequestSchema, request);
  const { entries } = await runtime.manager.run(principal, input, options, never);
  let messages = 0;
  for await (const batch of entries) messages += batch.length;
  return messages;
});
