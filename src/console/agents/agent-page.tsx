/** One agent: what it is, what it takes, what it can use, whether it works. */

import { useState } from "preact/hooks";
import type {
  AgentDescription,
  ValidateAgentResponse,
} from "../../../gen/agentlane/v1/operations_service_pb.js";
import { durationMs, formatDuration } from "../model/format.ts";
import { address } from "../routes.ts";
import { useAction, usePolled } from "../services/hooks.ts";
import { useServices } from "../services/services.ts";
import { Json } from "../ui/json.tsx";
import { Link } from "../ui/navigation.tsx";
import { Badge, Button, Card, Empty, Facts, FailureNote, Loading, PageHead } from "../ui/parts.tsx";
import { Problems } from "./problems.tsx";

export function AgentPage({ agentId }: { agentId: string }) {
  const { operations } = useServices();
  const { data, failure, reload } = usePolled(
    (signal) => operations.listAgents({}, { signal }),
    0,
    agentId,
  );
  const agent = data?.agents.find((one) => one.agentId === agentId);
  return (
    <>
      <PageHead
        title={agentId}
        above={<Link href={address(["agents"])}>Agents</Link>}
        beside={agent && <Badge tone="info">{agent.template}</Badge>}
        lead={agent?.description}
        actions={
          agent && (
            <>
              <Link href={address(["tasks"], { agent: agentId })} class="button plain">
                Its tasks
              </Link>
              <Link href={address(["playground"], { agent: agentId })} class="button primary">
                Try it
              </Link>
            </>
          )
        }
      />
      {failure && <FailureNote failure={failure} retry={reload} />}
      {!data && !failure && <Loading what="the agent" />}
      {data && !agent && (
        <Empty title={`There is no agent ${agentId}`}>
          <Link href={address(["agents"])}>Look at those there are</Link>
        </Empty>
      )}
      {agent && <AgentCards agent={agent} />}
    </>
  );
}

function AgentCards({ agent }: { agent: AgentDescription }) {
  return (
    <>
      <Card>
        <Facts
          facts={[
            { name: "Framework", value: agent.framework },
            { name: "Model", value: agent.model || "the graph decides" },
            { name: "Queue", value: <code>{agent.queue}</code> },
            { name: "Attempts", value: agent.maxAttempts },
            {
              name: "Limit on an attempt",
              value: formatDuration(durationMs(agent.timeout)),
              absent: !agent.timeout,
            },
            {
              name: "Capabilities",
              value: agent.capabilities.join(", ") || "none",
            },
          ]}
        />
      </Card>
      <ValidationCard agentId={agent.agentId} />
      <Card title="Input">
        {agent.inputSchema ? (
          <Json value={agent.inputSchema} label="JSON Schema of the input" />
        ) : (
          <p>Messages only; it takes no JSON input.</p>
        )}
      </Card>
      <Card title="Tools" hint={String(agent.tools.length)}>
        {agent.tools.length === 0 && <p class="quiet-text">It has none.</p>}
        {agent.tools.map(({ name, description, inputSchema }) => (
          <details key={name} class="tool-description">
            <summary>
              <code>{name}</code> {description}
            </summary>
            <Json value={inputSchema ?? {}} label={`JSON Schema of ${name}`} />
          </details>
        ))}
      </Card>
    </>
  );
}

function ValidationCard({ agentId }: { agentId: string }) {
  const { operations } = useServices();
  const [found, setFound] = useState<ValidateAgentResponse>();
  const validate = useAction(async () => {
    setFound(await operations.validateAgent({ subject: { case: "agentId", value: agentId } }));
  });
  return (
    <Card
      title="Validation"
      actions={
        <Button icon="check" disabled={validate.busy} onClick={validate.run}>
          {validate.busy ? "Checking…" : "Check it now"}
        </Button>
      }
    >
      {validate.failure && <FailureNote failure={validate.failure} />}
      {found ? (
        <Problems found={found} />
      ) : (
        <p class="quiet-text">Asks whether its model, its tools and its servers can be used now.</p>
      )}
    </Card>
  );
}
