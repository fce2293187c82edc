/** What was given up on: look at it, send it back, or let it go. */
import { useState } from "preact/hooks";
import { AgentSelect } from "../agents/agent-select.tsx";
import { formatCount } from "../model/format.ts";
import { usePolled } from "../services/hooks.ts";
import { useServices } from "../services/services.ts";
import { useParameters } from "../ui/navigation.tsx";
import { Pager, usePages } from "../ui/pager.tsx";
import { Button, Card, Empty, FailureNote, Field, Loading, PageHead } from "../ui/parts.tsx";
import { BulkDialog } from "./bulk-dialog.tsx";
import type { BulkKind, Selection } from "./bulk-work.ts";
import { DeadLetterList } from "./dead-letter-list.tsx";

const INTERVAL_MS = 3000;
const PAGE_SIZE = 25;

interface Asked {
  readonly kind: BulkKind;
  readonly selection: Selection;
  readonly count: number;
}

export function DeadLettersPage() {
  const { tasks } = useServices();
  const { get, set } = useParameters();
  const filters = { agentId: get("agent"), reason: get("reason") };
  const filterKey = JSON.stringify(filters);
  const pages = usePages(filterKey);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [asked, setAsked] = useState<Asked>();
  const { data, failure, reload } = usePolled(
    (signal) => {
      const page = { pageSize: PAGE_SIZE, pageToken: pages.token };
      return tasks.listDeadLetters({ ...filters, ...page }, { signal });
    },
    INTERVAL_MS,
    `${filterKey} ${pages.token}`,
  );
  const count = data?.totalCount ?? 0;
  const isFiltered = filters.agentId !== "" || filters.reason !== "";
  const ask = (kind: BulkKind): void => {
    if (chosen.size > 0) {
      setAsked({ kind, selection: { taskIds: [...chosen] }, count: chosen.size });
    } else setAsked({ kind, selection: filters, count });
  };
  const which = chosen.size > 0 ? `selected (${chosen.size})` : `all (${formatCount(count)})`;
  return (
    <>
      <PageHead
        title="Dead letters"
        lead="Tasks that were given up on. They are kept until they are redriven, deleted, or past retention."
        actions={
          count > 0 && (
            <>
              <Button kind="danger" onClick={() => ask("purge")}>
                Delete {which}
              </Button>
              <Button kind="primary" icon="refresh" onClick={() => ask("redrive")}>
                Redrive {which}
              </Button>
            </>
          )
        }
      />
      <div class="filters" role="search" aria-label="Filters">
        <AgentSelect value={filters.agentId} onChange={(agent) => set({ agent })} />
        <Field label="Reason">
          <input
            type="search"
            placeholder="exact, e.g. TIMEOUT"
            value={filters.reason}
            onInput={(event) => set({ reason: event.currentTarget.value.trim() })}
          />
        </Field>
        {isFiltered && (
          <Button kind="quiet" icon="close" onClick={() => set({ agent: "", reason: "" })}>
            Clear
          </Button>
        )}
      </div>
      {failure && <FailureNote failure={failure} retry={reload} />}
      <Card flush>
        {!data && !failure && <Loading what="dead letters" />}
        {data?.tasks.length === 0 && (
          <Empty title={isFiltered ? "No dead letter matches" : "No dead letters"}>
            {isFiltered
              ? "Try other filters."
              : "Every task so far has found its end, or still may."}
          </Empty>
        )}
        {data && data.tasks.length > 0 && (
          <DeadLetterList
            tasks={data.tasks}
            chosen={chosen}
            onChoose={setChosen}
            onReason={(reason) => set({ reason })}
          />
        )}
      </Card>
      {data && <Pager pages={pages} nextToken={data.nextPageToken} />}
      {asked && (
        <BulkDialog
          {...asked}
          onClose={() => {
            setAsked(undefined);
            setChosen(new Set());
            reload();
          }}
        />
      )}
    </>
  );
}
