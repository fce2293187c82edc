/** The figures that matter most, in large. */
import type { ComponentChildren } from "preact";
import type { Reading, Sample } from "../model/figures.ts";
import { atMs, formatCount, formatDuration, formatRate } from "../model/format.ts";
import type { Percentiles } from "../model/latency.ts";
import { address } from "../routes.ts";
import { useNow } from "../services/hooks.ts";
import { Link } from "../ui/navigation.tsx";
import { Badge } from "../ui/parts.tsx";

interface OverviewTilesProps {
  readonly reading: Reading;
  readonly sample: Sample | undefined;
  readonly total: Percentiles | undefined;
  readonly wait: Percentiles | undefined;
}

export function OverviewTiles({ reading, sample, total, wait }: OverviewTilesProps) {
  const { status, queues, workers } = reading;
  const now = useNow();
  const startedAt = atMs(status.startedAt);
  const pending = queues.reduce((sum, { pendingMessages }) => sum + pendingMessages, 0);
  const busy = workers.reduce((sum, { busySlots }) => sum + busySlots, 0);
  return (
    <ul class="tiles">
      <Tile name="Throughput" value={formatRate(sample?.completedRate ?? undefined)} unit="tasks/s">
        {sample?.failedRate ? `${formatRate(sample.failedRate)} failed/s` : "none failing"}
      </Tile>
      <Tile name="Running" value={formatCount(status.runningTasks)}>
        {formatCount(busy)} of {formatCount(status.workerCount)} slots busy
      </Tile>
      <Tile name="Queued" value={formatCount(pending)}>
        {formatCount(sample?.waiting ?? 0)} waiting in lanes or for a retry
      </Tile>
      <Tile name="Latency, p95" value={formatDuration(total?.p95)}>
        {total
          ? `p50 ${formatDuration(total.p50)}, p99 ${formatDuration(total.p99)}; ${sampled(total)}`
          : "nothing finished lately"}
      </Tile>
      <Tile name="Queue wait, p95" value={formatDuration(wait?.p95)}>
        {wait ? `${sampled(wait)} in 5 min` : "nothing finished lately"}
      </Tile>
      <Tile name="Workers" value={formatCount(workers.length)}>
        {workers.length === 0 ? (
          <Badge tone="bad">nothing runs tasks</Badge>
        ) : (
          `${formatCount(status.activeInstances)} warm instances`
        )}
      </Tile>
      <Tile name="Dead letters" value={formatCount(status.deadLetters)}>
        <Link href={address(["dead-letters"])}>
          {status.deadLetters > 0 ? "Look at them" : "None to look at"}
        </Link>
      </Tile>
      <Tile
        name="Up for"
        value={formatDuration(startedAt === undefined ? undefined : now - startedAt)}
      >
        {status.draining ? <Badge tone="warn">draining</Badge> : "this process"}
      </Tile>
    </ul>
  );
}

/** Not all that have finished: the page asks for the newest ones now and then. */
function sampled({ count }: Percentiles): string {
  return `a sample of ${formatCount(count)} tasks`;
}

interface TileProps {
  readonly name: string;
  readonly value: string;
  readonly unit?: string;
  readonly children: ComponentChildren;
}

function Tile({ name, value, unit, children }: TileProps) {
  return (
    <li class="tile">
      <p class="tile-name">{name}</p>
      <p class="tile-value">
        {value} {unit && <span class="tile-unit">{unit}</span>}
      </p>
      <p class="tile-more">{children}</p>
    </li>
  );
}
