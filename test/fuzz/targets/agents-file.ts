/** An agents file: all that is wrong is told, by key. */
import { readAgents } from "../../../src/executor/agents-file.ts";
import { assert, jsonOf, unlessRefused } from "../expectations.ts";

export function fuzz(data: Buffer): void {
  const content = jsonOf(data);
  if (content === undefined) return;
  const environment: Record<string, string | undefined> = {};
  const options = { environment, onWarning: () => undefined };
  const agents = unlessRefused(() => readAgents("/nowhere/agentlane.json", content, options));
  for (const { id } of agents ?? []) assert(/^[A-Za-z0-9][\w.-]{0,127}$/.test(id), `id ${id}`);
  assert(Object.keys(Object.prototype).length === 0, "the prototype of all objects was changed");
}
