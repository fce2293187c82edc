/** The conversations, last used first, and which of them are warm. */
import { AgentSelect } from "../agents/agent-select.tsx";
import { atMs, formatCount } from "../model/format.ts";
import { address } from "../routes.ts";
import { usePolled } from "../services/hooks.ts";
import { useServices } from "../services/services.ts";
import { Link, useParameters } from "../ui/navigation.tsx";
import { Pager, usePages } from "../ui/pager.tsx";
import { Ago, Badge, Card, Empty, FailureNote, Loading, PageHead } from "../ui/parts.tsx";

const INTERVAL_MS = 5000;
const PAGE_SIZE = 25;
/** Instances looked at to tell which sessions are warm. */
const INSTANCE_PAGE_SIZE = 500;

export function SessionsPage() {
  const { sessions } = useServices();
  const { get, set } = useParameters();
  const agentId = get("agent");
  const pages = usePages(agentId);
  const { data, failure, reload } = usePolled(
    async (signal) => {
      const page = { pageSize: PAGE_SIZE, pageToken: pages.token };
      const [list, live] = await Promise.all([
        sessions.listSessions({ agentId, ...page }, { signal }),
        sessions.listInstances({ agentId, pageSize: INSTANCE_PAGE_SIZE }, { signal }),
      ]);
      const warm = new Set(live.instances.map(({ sessionKey }) => sessionKey));
      return { ...list, warm, warmCount: live.totalCount };
    },
    INTERVAL_MS,
    `${agentId} ${pages.token}`,
  );
  return (
    <>
      <PageHead
        title="Sessions"
        lead={
          data
            ? `Conversations, last used first. ${formatCount(data.warmCount)} of them have a warm instance.`
            : "Conversations, last used first."
        }
      />
      <div class="filters" role="search" aria-label="Filters">
        <AgentSelect value={agentId} onChange={(agent) => set({ agent })} />
      </div>
      {failure && <FailureNote failure={failure} retry={reload} />}
      <Card flush>
        {!data && !failure && <Loading what="sessions" />}
        {data?.sessions.length === 0 && (
          <Empty title="No sessions">
            A session begins with the first finished turn that names one.
          </Empty>
        )}
        {data && data.sessions.length > 0 && (
          <div class="table-box">
            <table class="table stacking">
              <thead>
                <tr>
                  <th>Session</th>
                  <th>Agent</th>
                  <th class="number">Turns</th>
                  <th class="number">Messages</th>
                  <th>Instance</th>
                  <th>Begun</th>
                  <th>Last turn</th>
                </tr>
              </thead>
              <tbody>
                {data.sessions.map((session) => {
                  const key = `${session.agentId}#${session.sessionId}`;
                  return (
                    <tr key={key}>
                      <th scope="row" class="clip">
                        <Link href={address(["sessions", session.agentId, session.sessionId])}>
                          {session.sessionId}
                        </Link>
                      </th>
                      <td data-label="Agent">{session.agentId}</td>
                      <td data-label="Turns" class="number">
                        {formatCount(session.version)}
                      </td>
                      <td data-label="Messages" class="number">
                        {formatCount(session.messageCount)}
                      </td>
                      <td data-label="Instance">
                        {data.warm.has(key) ? (
                          <Badge tone="good">warm</Badge>
                        ) : (
                          <Badge tone="neutral">cold</Badge>
                        )}
                      </td>
                      <td data-label="Begun">
                        <Ago at={atMs(session.createdAt)} />
                      </td>
                      <td data-label="Last turn">
                        <Ago at={atMs(session.updatedAt)} />
                      </td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
        )}
      </Card>
      {data && <Pager pages={pages} nextToken={data.nextPageToken} />}
    </>
  );
}
