/** A task's log, followed over broken connections: each entry once, the terminal one last. */
import { Code, ConnectError } from "@connectrpc/connect";
import type { WatchTaskResponse } from "../../../gen/agentlane/v1/task_service_pb.js";
import { isLost, isUnauthenticated, untilUnlocked } from "./connection.ts";
import type { Services } from "./services.ts";

const MAX_DELAY_MS = 5000;

/** Ends after the terminal event, and when `signal` aborts. Throws what another try cannot mend. */
export async function* followTask(
  services: Services,
  taskId: string,
  afterSequence: number,
  signal: AbortSignal,
): AsyncGenerator<WatchTaskResponse> {
  const { tasks, clock, connection } = services;
  let seen = afterSequence;
  for (let failures = 0; !signal.aborted; ) {
    await untilUnlocked(connection, signal);
    try {
      for await (const entry of tasks.watchTask({ taskId, afterSequence: seen }, { signal })) {
        connection.succeeded();
        failures = 0;
        seen = entry.sequence;
        yield entry;
      }
      return;
    } catch (error) {
      if (signal.aborted) return;
      connection.failed(error);
      if (!isWorthRepeating(error)) throw error;
      failures++;
    }
    const delayMs = Math.min(MAX_DELAY_MS, 250 * 2 ** failures);
    await clock.sleep(delayMs, signal).catch(() => undefined);
  }
}

function isWorthRepeating(error: unknown): boolean {
  const { code } = ConnectError.from(error);
  // A slow reader's end says from where to go on; a missing key is asked for meanwhile.
  return isLost(error) || isUnauthenticated(error) || code === Code.ResourceExhausted;
}
