/** A choice among the agents, and any agent that is named already. */
import { usePolled } from "../services/hooks.ts";
import { useServices } from "../services/services.ts";
import { Field } from "../ui/parts.tsx";

interface AgentSelectProps {
  readonly value: string;
  readonly onChange: (agentId: string) => void;
  /** Whether "all" is a choice. Default true. */
  readonly withAll?: boolean;
}

export function AgentSelect({ value, onChange, withAll = true }: AgentSelectProps) {
  const { operations } = useServices();
  const { data } = usePolled((signal) => operations.listAgents({}, { signal }), 0);
  const known = (data?.agents ?? []).map(({ agentId }) => agentId);
  const ids = value === "" || known.includes(value) ? known : [value, ...known];
  return (
    <Field label="Agent">
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {withAll && <option value="">All</option>}
        {ids.map((id) => (
          <option key={id} value={id}>
            {id}
          </option>
        ))}
      </select>
    </Field>
  );
}
