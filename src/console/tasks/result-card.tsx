/** What a task produced. */
import type { Task, TaskResult } from "../../../gen/agentlane/v1/task_pb.js";
import { jsonOf } from "../model/turn-view.ts";
import { address } from "../routes.ts";
import { MessageList } from "../sessions/message-list.tsx";
import { Json } from "../ui/json.tsx";
import { Link } from "../ui/navigation.tsx";
import { Card } from "../ui/parts.tsx";

export function ResultCard({ task, result }: { task: Task; result: TaskResult }) {
  const { messages, state, usage, interrupts, finishReason } = result;
  const hints = [
    ...(finishReason ? [finishReason] : []),
    ...(usage ? [`${usage.inputTokens} + ${usage.outputTokens} tokens`] : []),
  ];
  const { agentId, sessionId } = task;
  return (
    <Card title="Result" hint={hints.join(", ")}>
      <MessageList messages={messages} />
      {state && <Json value={jsonOf(state)} label="Final state of the graph" />}
      {interrupts.map(({ id, value }) => (
        <div key={id} class="note tone-ask">
          <p>
            <strong>It asks:</strong>
          </p>
          <Json value={jsonOf(value)} label="Question" />
          <p>
            <Link href={address(["playground"], { agent: agentId, session: sessionId })}>
              Answer in the playground
            </Link>
          </p>
        </div>
      ))}
    </Card>
  );
}
