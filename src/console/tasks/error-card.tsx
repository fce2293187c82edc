/** Why a task failed, down to the causes. */
import type { TaskError } from "../../../gen/agentlane/v1/task_pb.js";
import { codeName } from "../model/states.ts";
import { Badge, Card } from "../ui/parts.tsx";

export function ErrorCard({ error }: { error: TaskError }) {
  const violations = Object.entries(error.fieldViolations);
  return (
    <Card
      title="Error"
      hint={
        <Badge tone={error.retryable ? "warn" : "bad"}>
          {error.retryable ? "retryable" : "not retryable"}
        </Badge>
      }
    >
      <p class="error-message">{error.message}</p>
      <p>
        <code>{codeName(error.code)}</code> <code>{error.reason}</code>
      </p>
      {violations.length > 0 && (
        <ul class="plain-list">
          {violations.map(([field, description]) => (
            <li key={field}>
              <code>{field}</code>: {description}
            </li>
          ))}
        </ul>
      )}
      {error.causes.length > 0 && (
        <ol class="causes" aria-label="Causes, outermost first">
          {error.causes.map((cause, index) => (
            <li key={`${index} ${cause}`}>
              <span class="quiet-text">caused by</span> {cause}
            </li>
          ))}
        </ol>
      )}
    </Card>
  );
}
