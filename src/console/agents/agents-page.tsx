/** What can be called. */
import type { AgentDescription } from "../../../gen/agentlane/v1/operations_service_pb.js";
import { address } from "../routes.ts";
import { usePolled } from "../services/hooks.ts";
import { useServices } from "../services/services.ts";
import { Link } from "../ui/navigation.tsx";
import { Badge, Card, Empty, FailureNote, Loading, PageHead } from "../ui/parts.tsx";
import { DefinitionCheck } from "./definition-check.tsx";

const INTERVAL_MS = 30_000;

export function AgentsPage() {
  const { operations } = useServices();
  const { data, failure, reload } = usePolled(async (signal) => {
    const [{ agents }, { frameworks }] = await Promise.all([
      operations.listAgents({}, { signal }),
      operations.getFrameworkHealth({}, { signal }),
    ]);
    return { agents, frameworks };
  }, INTERVAL_MS);
  const frameworks = data?.frameworks.map(({ framework, version }) => `${framework} ${version}`);
  return (
    <>
      <PageHead
        title="Agents"
        lead={frameworks ? `Run by ${frameworks.join(", ")}.` : "What can be called."}
      />
      {failure && <FailureNote failure={failure} retry={reload} />}
      {!data && !failure && <Loading what="agents" />}
      {data?.agents.length === 0 && (
        <Empty title="No agents">The agents file of this server names none.</Empty>
      )}
      <ul class="agents">
        {data?.agents.map((agent) => (
          <AgentItem key={agent.agentId} agent={agent} />
        ))}
      </ul>
      <Card title="Check a definition">
        <DefinitionCheck />
      </Card>
    </>
  );
}

function AgentItem({ agent }: { agent: AgentDescription }) {
  const { agentId, description, template, model, tools, capabilities } = agent;
  return (
    <li class="agent">
      <h2>
        <Link href={address(["agents", agentId])}>{agentId}</Link>
      </h2>
      <p>{description || <span class="quiet-text">No description.</span>}</p>
      <p class="badges">
        <Badge tone="info">{template}</Badge>
        {model && <Badge tone="neutral">{model}</Badge>}
        {tools.length > 0 && <Badge tone="neutral">{tools.length} tools</Badge>}
        {capabilities.includes("interrupts") && <Badge tone="ask">interrupts</Badge>}
      </p>
      <p>
        <Link href={address(["playground"], { agent: agentId })}>Try {agentId}</Link>
      </p>
    </li>
  );
}
