/** Asks for the API key, where the server wants one. */
import { useState } from "preact/hooks";
import { useAction } from "../services/hooks.ts";
import { useServices } from "../services/services.ts";
import { Button, Card, FailureNote, Field, PageHead } from "../ui/parts.tsx";

export function KeyGate() {
  const { apiKey, operations, connection } = useServices();
  const [typed, setTyped] = useState("");
  const hadKey = apiKey.get() !== "";
  const enter = useAction(async () => {
    apiKey.set(typed.trim());
    await operations.getTaskManagerStatus({});
    connection.succeeded();
  });
  return (
    <div class="narrow">
      <PageHead
        title="Sign in"
        lead={
          hadKey ? "The server refuses the key of this tab." : "This server asks who is calling."
        }
      />
      <Card>
        <form
          class="stack"
          onSubmit={(event) => {
            event.preventDefault();
            enter.run();
          }}
        >
          <Field label="API key" hint="Kept in this tab until it is closed; sent with every call.">
            <input
              type="password"
              autocomplete="off"
              spellcheck={false}
              required
              value={typed}
              onInput={(event) => setTyped(event.currentTarget.value)}
            />
          </Field>
          {enter.failure && <FailureNote failure={enter.failure} />}
          <div>
            <Button type="submit" kind="primary" icon="key" disabled={enter.busy || typed === ""}>
              {enter.busy ? "Asking…" : "Sign in"}
            </Button>
          </div>
        </form>
      </Card>
    </div>
  );
}
