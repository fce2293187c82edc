/** What executors have to say about a session that comes from outside. */
import type { ExecutionContext } from "../../gen/agentlane/v1/session_pb.js";
import { invalidField } from "../errors.ts";
import { repairContext } from "./execution-context.ts";
import type { Router } from "./router.ts";

/** An imported context must be one that a turn could have committed, and the next one can use. */
export function checkContext(router: Router, context: ExecutionContext): void {
  const { executor } = router.route(context.agentId);
  if (repairContext(context) !== context) {
    throw invalidField("context.history", "has a tool call without a result, or the reverse");
  }
  const { checkpoint, interrupts } = context;
  if (checkpoint.length > 0 && !executor.readsCheckpoint(checkpoint)) {
    const { framework } = executor;
    throw invalidField("context.checkpoint", `is not readable by this version of ${framework}`);
  }
  if (checkpoint.length === 0 && interrupts.length > 0) {
    throw invalidField(
      "context.interrupts",
      "cannot be answered without the checkpoint; GetSession leaves it out, ExportSession does not",
    );
  }
}
