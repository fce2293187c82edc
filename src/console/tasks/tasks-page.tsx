/** All tasks, newest first, by agent, session and state. */
import { TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import { AgentSelect } from "../agents/agent-select.tsx";
import { stateName, TASK_STATES } from "../model/states.ts";
import { address } from "../routes.ts";
import { usePolled } from "../services/hooks.ts";
import { useServices } from "../services/services.ts";
import { Link, useParameters } from "../ui/navigation.tsx";
import { Pager, usePages } from "../ui/pager.tsx";
import { Button, Card, Empty, FailureNote, Field, Loading, PageHead } from "../ui/parts.tsx";
import { TaskTable } from "./task-table.tsx";

const INTERVAL_MS = 3000;
const PAGE_SIZE = 25;

export function TasksPage() {
  const { tasks } = useServices();
  const { get, set } = useParameters();
  const filters = { agentId: get("agent"), sessionId: get("session"), state: get("state") };
  const filterKey = JSON.stringify(filters);
  const pages = usePages(filterKey);
  const { data, failure, reload } = usePolled(
    (signal) => {
      const state = TASK_STATES.find((known) => TaskState[known] === filters.state);
      const { agentId, sessionId } = filters;
      const states = state === undefined ? [] : [state];
      const page = { pageSize: PAGE_SIZE, pageToken: pages.token };
      return tasks.listTasks({ agentId, sessionId, states, ...page }, { signal });
    },
    INTERVAL_MS,
    `${filterKey} ${pages.token}`,
  );
  const isFiltered = Object.values(filters).some((value) => value !== "");
  return (
    <>
      <PageHead title="Tasks" lead="Every turn of every agent, newest first. The list is live." />
      <div class="filters" role="search" aria-label="Filters">
        <Field label="State">
          <select value={filters.state} onChange={(e) => set({ state: e.currentTarget.value })}>
            <option value="">All</option>
            {TASK_STATES.map((state) => (
              <option key={state} value={TaskState[state]}>
                {stateName(state)}
              </option>
            ))}
          </select>
        </Field>
        <AgentSelect value={filters.agentId} onChange={(agent) => set({ agent })} />
        <Field label="Session">
          <input
            type="search"
            placeholder="exact id"
            value={filters.sessionId}
            onInput={(event) => set({ session: event.currentTarget.value.trim() })}
          />
        </Field>
        {isFiltered && (
          <Button
            kind="quiet"
            icon="close"
            onClick={() => set({ state: "", agent: "", session: "" })}
          >
            Clear
          </Button>
        )}
      </div>
      {failure && <FailureNote failure={failure} retry={reload} />}
      <Card flush>
        {!data && !failure && <Loading what="tasks" />}
        {data && data.tasks.length > 0 && <TaskTable tasks={data.tasks} />}
        {data?.tasks.length === 0 && <NoTasks isFiltered={isFiltered} />}
      </Card>
      {data && <Pager pages={pages} nextToken={data.nextPageToken} />}
    </>
  );
}

function NoTasks({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) return <Empty title="No task matches">Try other filters.</Empty>;
  return (
    <Empty
      title="No tasks yet"
      action={
        <Link href={address(["playground"])} class="button primary">
          Open the playground
        </Link>
      }
    >
      A task appears here as soon as somebody calls an agent.
    </Empty>
  );
}
