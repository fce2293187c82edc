/** A task's log while it grows. */
import { useRef, useState } from "preact/hooks";
import { type EventKind, type EventRow, MAX_ROWS } from "../model/event-rows.ts";
import { formatCount, formatTime } from "../model/format.ts";
import { Json } from "../ui/json.tsx";
import { useKeepToEnd } from "../ui/keep-to-end.ts";
import { Badge, Card, Empty, FailureNote } from "../ui/parts.tsx";
import type { FollowedLog } from "./use-task.ts";

const KINDS: readonly { readonly kind: EventKind | "all"; readonly name: string }[] = [
  { kind: "all", name: "All" },
  { kind: "state", name: "States" },
  { kind: "text", name: "Text" },
  { kind: "message", name: "Messages" },
  { kind: "tool", name: "Tools" },
  { kind: "progress", name: "Progress" },
  { kind: "node", name: "Nodes" },
];

export function EventsCard({ followed: { log, following, failure } }: { followed: FollowedLog }) {
  const [kind, setKind] = useState<EventKind | "all">("all");
  const rows = log.rows.filter((row) => kind === "all" || row.kind === kind);
  const box = useRef<HTMLOListElement>(null);
  const onScroll = useKeepToEnd(box, log, following);
  const present = new Set(log.rows.map((row) => row.kind));
  return (
    <Card
      title="Events"
      flush
      hint={
        following ? <Badge tone="info">live</Badge> : `${formatCount(log.lastSequence)} in its log`
      }
      actions={
        <select
          aria-label="Events shown"
          value={kind}
          onChange={(event) => {
            const chosen = KINDS.find((one) => one.kind === event.currentTarget.value);
            setKind(chosen?.kind ?? "all");
          }}
        >
          {KINDS.filter((one) => one.kind === "all" || present.has(one.kind)).map((one) => (
            <option key={one.kind} value={one.kind}>
              {one.name}
            </option>
          ))}
        </select>
      }
    >
      {failure && <FailureNote failure={failure} />}
      {log.droppedCount > 0 && (
        <p class="quiet-text padded">
          The newest {formatCount(MAX_ROWS)} rows; {formatCount(log.droppedCount)} older ones are
          left out.
        </p>
      )}
      {rows.length === 0 && !failure ? (
        <Empty title={following ? "Waiting for events" : "No events"} />
      ) : (
        <ol
          class="events"
          ref={box}
          tabIndex={0}
          aria-label="Events, oldest first"
          onScroll={onScroll}
        >
          {rows.map((row) => (
            <Row key={row.sequence} row={row} />
          ))}
        </ol>
      )}
    </Card>
  );
}

function Row({ row }: { row: EventRow }) {
  const { sequence, lastSequence, at, title, text, tone, detail } = row;
  const count = lastSequence - sequence + 1;
  return (
    <li class={`event tone-${tone}`}>
      <span class="event-number">
        {sequence}
        {count > 1 && `–${lastSequence}`}
      </span>
      <span class="event-time">{formatTime(at)}</span>
      <div class="event-body">
        <strong>{title}</strong>
        {count > 1 && <span class="quiet-text"> in {formatCount(count)} pieces</span>}
        {text && <p class="event-text">{text}</p>}
        {detail !== undefined && (
          <details>
            <summary>Details</summary>
            <Json value={detail} label={`Details of event ${sequence}`} />
          </details>
        )}
      </div>
    </li>
  );
}
