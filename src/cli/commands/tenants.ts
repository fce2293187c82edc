/** `agentlane tenants`: whose data is kept. */
import { confirmed, YES } from "../confirm.ts";
import { EXIT } from "../failure.ts";
import { plural } from "../format.ts";
import { document } from "../json.ts";
import { operand } from "../options.ts";
import { startProgress } from "../progress.ts";
import { remoteCommand, repeated } from "../remote.ts";

export const deleteTenantCommand = remoteCommand({
  name: "tenants delete",
  summary: "Cancels a tenant's tasks and deletes all that is kept of it, its API keys too",
  details: `What would be new of the tenant is refused meanwhile, and for 2 minutes more. When it is interrupted,
run it again: it goes on where it was.`,
  options: YES,
  operands: { tenant: operand("TENANT", "The tenant") },
  async run({ tenant, yes }, remote) {
    const { terminal, isJson, client, signal } = remote;
    const question = `Delete all tasks, sessions and API keys of tenant ${tenant} for good?`;
    if (!(await confirmed(remote, yes, question))) return EXIT.failed;
    const sums = { tasks: 0, canceled: 0, sessions: 0, apiKeys: 0 };
    const progress = startProgress(terminal, "deleted", 0);
    try {
      for (let done = false; !done && !signal.aborted; ) {
        const answer = await repeated(remote, (wire) =>
          client.admin.deleteTenant({ tenant }, wire),
        );
        sums.tasks += Number(answer.deletedTaskCount);
        sums.canceled += Number(answer.canceledTaskCount);
        sums.sessions += Number(answer.deletedSessionCount);
        sums.apiKeys += answer.deletedApiKeyCount;
        progress.advance(sums.tasks + sums.sessions);
        done = answer.done;
      }
    } finally {
      progress.end();
    }
    await terminal.write(isJson ? document(sums) : `deleted ${shown(sums)}\n`);
    return EXIT.ok;
  },
});

function shown(sums: { tasks: number; canceled: number; sessions: number; apiKeys: number }) {
  const tasks = `${plural(sums.tasks, "task")}, ${sums.canceled} of them unfinished`;
  return `${tasks}; ${plural(sums.sessions, "session")}; ${plural(sums.apiKeys, "API key")}`;
}
