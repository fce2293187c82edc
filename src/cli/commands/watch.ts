/** `agentlane watch`: a task's log as it grows. */
import { create } from "@bufbuild/protobuf";
import { TaskState, WatchTaskResponseSchema } from "../../../sdk/typescript/src/node.ts";
import { eventLine } from "../event-lines.ts";
import { EXIT } from "../failure.ts";
import { contractJson, jsonLine } from "../json.ts";
import { count, operand } from "../options.ts";
import { remoteCommand, repeated } from "../remote.ts";

export const watchCommand = remoteCommand({
  name: "watch",
  summary: "Streams the events of a task until it ends",
  details: `Goes on where it was while the server restarts or is away for up to a minute.
The exit code is 0 when the task completed or asks for input, 1 when it failed or was canceled.
With --json each line is a WatchTaskResponse of the contract.`,
  isStream: true,
  options: { after: count("Only events after this sequence", 0, 0, 4_294_967_295) },
  operands: { task: operand("TASK", "Its id") },
  async run({ task: taskId, after }, remote) {
    const { terminal, isJson, client, signal, streamTimeoutMs: deadlineMs } = remote;
    // Tells at once that there is no such task or no server; the stream itself would wait for it.
    await repeated(remote, (wire) => client.tasks.getTask({ taskId }, wire));
    const stream = client.watch(taskId, { deadlineMs, signal, afterSequence: after });
    for await (const reply of stream) {
      const { attempt, sequence, mergedCount, event } = reply;
      const response = { taskId, attempt, sequence, mergedCount, event };
      const line = isJson
        ? jsonLine(contractJson(WatchTaskResponseSchema, create(WatchTaskResponseSchema, response)))
        : `${eventLine(terminal, reply)}\n`;
      await terminal.write(line);
    }
    const hasFailed = stream.state === TaskState.FAILED || stream.state === TaskState.CANCELED;
    return hasFailed ? EXIT.failed : EXIT.ok;
  },
});
