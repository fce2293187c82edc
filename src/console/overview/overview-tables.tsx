/** Queue by queue, worker by worker. */
import type { QueueStats, Worker } from "../../../gen/agentlane/v1/operations_service_pb.js";
import type { Reading } from "../model/figures.ts";
import { atMs, durationMs, formatCount, formatDuration } from "../model/format.ts";
import { priorityName } from "../model/states.ts";
import { Ago, Badge, Card, Empty, Id } from "../ui/parts.tsx";

export function OverviewTables({ reading: { queues, workers } }: { reading: Reading }) {
  return (
    <div class="columns">
      <Card title="Queues" flush>
        {queues.length === 0 ? (
          <Empty title="No queues yet" />
        ) : (
          <div class="table-box" tabIndex={0} role="group" aria-label="Queues, figures">
            <table class="table">
              <thead>
                <tr>
                  <th>Queue</th>
                  <th class="number">Ready</th>
                  <th class="number">Oldest</th>
                  <th class="number">Running</th>
                  <th class="number">Done</th>
                  <th class="number">Failed</th>
                  <th class="number wide-only">Mean</th>
                </tr>
              </thead>
              <tbody>
                {queues.map((queue) => (
                  <QueueRow key={queue.queueName} queue={queue} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Card>
      <Card title="Workers" flush>
        {workers.length === 0 ? (
          <Empty title="No workers">Tasks wait until a process with workers joins.</Empty>
        ) : (
          <div class="table-box" tabIndex={0} role="group" aria-label="Workers, figures">
            <table class="table">
              <thead>
                <tr>
                  <th>Worker</th>
                  <th>Load</th>
                  <th class="number">Instances</th>
                  <th class="wide-only">Up since</th>
                  <th>Seen</th>
                </tr>
              </thead>
              <tbody>
                {workers.map((worker) => (
                  <WorkerRow key={worker.workerId} worker={worker} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Card>
    </div>
  );
}

function QueueRow({ queue }: { queue: QueueStats }) {
  const levels = queue.pendingByPriority
    .map(({ priority, count }) => `${priorityName(priority).toLowerCase()} ${formatCount(count)}`)
    .join(", ");
  return (
    <tr>
      <th scope="row">
        <code>{queue.queueName}</code>
      </th>
      <td class="number" title={levels || undefined}>
        {formatCount(queue.pendingMessages)}
      </td>
      <td class="number">{formatDuration(durationMs(queue.oldestPendingAge))}</td>
      <td class="number">{formatCount(queue.processingMessages)}</td>
      <td class="number">{formatCount(queue.completedMessages)}</td>
      <td class="number">{formatCount(queue.failedMessages)}</td>
      <td class="number wide-only">{formatDuration(queue.averageProcessingTime * 1000)}</td>
    </tr>
  );
}

function WorkerRow({ worker }: { worker: Worker }) {
  const { workerId, slots, busySlots, instanceCount, draining, host } = worker;
  return (
    <tr>
      <th scope="row">
        <span title={host}>
          <Id id={workerId} />
        </span>{" "}
        {draining && <Badge tone="warn">draining</Badge>}
      </th>
      <td>
        <meter
          class="meter"
          min={0}
          max={Math.max(1, slots)}
          value={busySlots}
          aria-label="Busy slots"
        />
        <span class="meter-text">
          {busySlots}/{slots}
        </span>
      </td>
      <td class="number">{formatCount(instanceCount)}</td>
      <td class="wide-only">
        <Ago at={atMs(worker.startedAt)} />
      </td>
      <td>
        <Ago at={atMs(worker.lastSeenAt)} />
      </td>
    </tr>
  );
}
