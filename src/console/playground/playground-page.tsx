/** Talk to an agent, and see the call behind it. */
import { useEffect, useState } from "preact/hooks";
import { AgentSelect } from "../agents/agent-select.tsx";
import type { CallDraft } from "../model/snippets.ts";
import { address } from "../routes.ts";
import { useObservable, usePolled } from "../services/hooks.ts";
import { useServices } from "../services/services.ts";
import { Link, useNavigation, useParameters } from "../ui/navigation.tsx";
import { Button, Card, Field, PageHead } from "../ui/parts.tsx";
import { CallCard } from "./call-card.tsx";
import { Chat } from "./chat.tsx";
import { Composer, type Options } from "./composer.tsx";
import { useConversation } from "./conversation-provider.tsx";

const DEFAULT_AGENTS = ["demo", "echo"];

export function PlaygroundPage() {
  const { operations } = useServices();
  const conversation = useConversation();
  const { agentId, sessionId } = useObservable(conversation.state);
  const { data } = usePolled((signal) => operations.listAgents({}, { signal }), 0);
  const [draft, setDraft] = useState<{ text: string; options: Options }>({
    text: "",
    options: { input: undefined, configurable: undefined },
  });
  const known = (data?.agents ?? []).map((agent) => agent.agentId);
  useAddress(known);
  const call: CallDraft = { agentId, sessionId, text: draft.text.trim(), ...draft.options };
  return (
    <>
      <PageHead
        title="Playground"
        lead="Every turn here is a task like any other: it survives a reload, a worker, a server."
      />
      <div class="filters">
        <AgentSelect
          value={agentId}
          withAll={false}
          onChange={(chosen) => conversation.begin(chosen)}
        />
        <SessionField key={`${agentId} ${sessionId}`} agentId={agentId} sessionId={sessionId} />
        <Button icon="plus" onClick={() => conversation.begin(agentId)}>
          New session
        </Button>
        {sessionId && (
          <Link href={address(["sessions", agentId, sessionId])} class="button quiet">
            Look at the session
          </Link>
        )}
      </div>
      <div class="playground">
        <Card flush>
          <Chat />
          <Composer draft={draft} onDraft={setDraft} />
        </Card>
        <CallCard call={call} />
      </div>
    </>
  );
}

/** Takes the agent and the session from the address, where it names them, else makes some up. */
function useAddress(known: readonly string[]): void {
  const conversation = useConversation();
  const { place, go } = useNavigation();
  const { get } = useParameters();
  const [agent, session] = [get("agent"), get("session")];
  const names = known.join();
  // The address is taken once.
  useEffect(() => {
    const current = conversation.state.get();
    if (agent !== "") {
      const isOther =
        agent !== current.agentId || (session !== "" && session !== current.sessionId);
      if (isOther && session !== "") conversation.open(agent, session);
      else if (isOther) conversation.begin(agent);
      go(place.pathname, { replace: true });
    } else if (current.agentId === "" && known[0] !== undefined) {
      const first = DEFAULT_AGENTS.find((name) => known.includes(name)) ?? known[0];
      conversation.begin(first);
    }
  }, [agent, session, names]);
}

function SessionField({ agentId, sessionId }: { agentId: string; sessionId: string }) {
  const conversation = useConversation();
  const [typed, setTyped] = useState(sessionId);
  const leave = (): void => {
    if (typed !== sessionId) conversation.open(agentId, typed.trim());
  };
  return (
    <Field label="Session">
      <input
        value={typed}
        placeholder="empty: stateless"
        spellcheck={false}
        pattern="[A-Za-z0-9][A-Za-z0-9._\-]*"
        maxLength={128}
        onInput={(event) => setTyped(event.currentTarget.value)}
        onBlur={leave}
        onKeyDown={(event) => {
          if (event.key === "Enter") leave();
        }}
      />
    </Field>
  );
}
