/** The call in the playground, as one would write it elsewhere. */
import { type CallDraft, snippetsOf } from "../model/snippets.ts";
import { useObservable } from "../services/hooks.ts";
import { useServices } from "../services/services.ts";
import { Code } from "../ui/json.tsx";
import { Card } from "../ui/parts.tsx";
import { Tabs } from "../ui/tabs.tsx";
import { useConversation } from "./conversation-provider.tsx";

export function CallCard({ call }: { call: CallDraft }) {
  const { apiKey } = useServices();
  const { turns } = useObservable(useConversation().state);
  const key = useObservable(apiKey);
  const last = turns.at(-1)?.draft;
  const isWritten = call.text !== "" || call.input !== undefined;
  // What is being written, or else what was sent last.
  const shown = isWritten ? call : (last ?? { ...call, text: "hello" });
  const snippets = snippetsOf(shown, { url: location.origin, hasKey: key !== "" });
  return (
    <Card title="The same call" hint="in your code">
      <Tabs
        label="Languages"
        tabs={snippets.map(({ id, name, code }) => ({
          id,
          name,
          panel: () => <Code text={code} label={`The call in ${name}`} />,
        }))}
      />
    </Card>
  );
}
