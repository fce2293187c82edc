/** Whether what is on the page is live. */
import type { ConnectionState } from "../services/connection.ts";
import { useObservable } from "../services/hooks.ts";
import { useServices } from "../services/services.ts";

const TEXTS: Readonly<Record<ConnectionState, string>> = {
  connecting: "Connecting…",
  live: "Live",
  reconnecting: "Reconnecting…",
  locked: "Key needed",
};

export function ConnectionNote() {
  const { connection } = useServices();
  const state = useObservable(connection.state);
  return (
    <p class={`connection connection-${state}`} role="status" data-state={state}>
      <span class="connection-dot" />
      {TEXTS[state]}
    </p>
  );
}
