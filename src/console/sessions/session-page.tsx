/** One conversation: its history, its instance, its tasks, its end. */
import { useState } from "preact/hooks";
import type { GetSessionResponse } from "../../../gen/agentlane/v1/session_service_pb.js";
import { atMs, formatCount } from "../model/format.ts";
import { jsonOf } from "../model/turn-view.ts";
import { address } from "../routes.ts";
import { useAction, usePolled } from "../services/hooks.ts";
import { useServices } from "../services/services.ts";
import { TaskTable } from "../tasks/task-table.tsx";
import { Confirm } from "../ui/dialog.tsx";
import { Json } from "../ui/json.tsx";
import { Link, useNavigation } from "../ui/navigation.tsx";
import {
  Ago,
  Badge,
  Button,
  Card,
  Empty,
  Facts,
  FailureNote,
  Id,
  Loading,
  PageHead,
} from "../ui/parts.tsx";
import { MessageList } from "./message-list.tsx";

const INTERVAL_MS = 3000;
const TASK_COUNT = 10;

interface SessionKey {
  readonly agentId: string;
  readonly sessionId: string;
}

export function SessionPage({ agentId, sessionId }: SessionKey) {
  const { sessions, tasks } = useServices();
  const { data, failure, reload } = usePolled(
    async (signal) => {
      const key = { agentId, sessionId };
      const [session, recent] = await Promise.all([
        sessions.getSession(key, { signal }),
        tasks.listTasks({ ...key, pageSize: TASK_COUNT }, { signal }),
      ]);
      return { session, recent: recent.tasks };
    },
    INTERVAL_MS,
    `${agentId} ${sessionId}`,
  );
  const context = data?.session.context;
  return (
    <>
      <PageHead
        title={sessionId}
        above={<Link href={address(["sessions"])}>Sessions</Link>}
        beside={data && <Warmth session={data.session} />}
        lead={
          <>
            with <Link href={address(["agents", agentId])}>{agentId}</Link>
          </>
        }
        actions={context && <SessionActions agentId={agentId} sessionId={sessionId} />}
      />
      {failure && <FailureNote failure={failure} retry={reload} />}
      {!data && !failure && <Loading what="the session" />}
      {data && <SessionFacts session={data.session} />}
      {context?.interrupts.map(({ id, value }) => (
        <Card key={id} title="Open question" hint="the next turn answers it">
          <Json value={jsonOf(value)} label="Question" />
        </Card>
      ))}
      {context && (
        <Card title="History" hint={`${formatCount(context.history.length)} messages`}>
          {context.trimmedMessageCount > 0n && (
            <p class="quiet-text">
              {formatCount(context.trimmedMessageCount)} older messages were trimmed.
            </p>
          )}
          <MessageList messages={context.history} />
        </Card>
      )}
      {data && (
        <Card title="Recent tasks" flush>
          {data.recent.length === 0 ? (
            <Empty title="None kept" />
          ) : (
            <TaskTable tasks={data.recent} />
          )}
        </Card>
      )}
    </>
  );
}

function Warmth({ session: { instance } }: { session: GetSessionResponse }) {
  if (!instance) return <Badge tone="neutral">cold</Badge>;
  return <Badge tone={instance.busy ? "info" : "good"}>{instance.busy ? "busy" : "warm"}</Badge>;
}

function SessionFacts({ session }: { session: GetSessionResponse }) {
  const { context, instance, unfinishedTaskIds } = session;
  return (
    <Card>
      <Facts
        facts={[
          { name: "Turns", value: formatCount(context?.version) },
          { name: "Begun", value: <Ago at={atMs(context?.createdAt)} /> },
          { name: "Last turn", value: <Ago at={atMs(context?.updatedAt)} /> },
          { name: "Unfinished tasks", value: formatCount(unfinishedTaskIds.length) },
          {
            name: "Instance",
            value: instance ? (
              <>
                {formatCount(instance.turnCount)} {instance.turnCount === 1 ? "turn" : "turns"} on{" "}
                <Id id={instance.workerId} />
              </>
            ) : (
              "none; built with the next turn"
            ),
          },
          {
            name: "Last used",
            value: <Ago at={atMs(instance?.lastUsedAt)} />,
            absent: !instance,
          },
          ...Object.entries(context?.metadata ?? {}).map(([name, value]) => ({
            name: `Label ${name}`,
            value: <span class="break">{value}</span>,
          })),
        ]}
      />
    </Card>
  );
}

function SessionActions({ agentId, sessionId }: SessionKey) {
  const { sessions } = useServices();
  const { go } = useNavigation();
  const [asking, setAsking] = useState(false);
  const destroy = useAction(async () => {
    await sessions.destroySession({ agentId, sessionId });
    go(address(["sessions"]));
  });
  return (
    <>
      <Link
        href={address(["playground"], { agent: agentId, session: sessionId })}
        class="button plain"
      >
        Go on in the playground
      </Link>
      <Button kind="danger" onClick={() => setAsking(true)}>
        Destroy
      </Button>
      {asking && (
        <Confirm
          title={`Destroy session ${sessionId}?`}
          action="Destroy it for good"
          danger
          busy={destroy.busy}
          failure={destroy.failure}
          onConfirm={destroy.run}
          onClose={() => setAsking(false)}
        >
          Its history, its instance, and all its tasks with their logs are deleted; what still runs
          is canceled. This cannot be undone.
        </Confirm>
      )}
    </>
  );
}
