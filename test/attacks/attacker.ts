/**
 * A process of its own that attacks, with the lowest priority: elsewhere an attacker has a machine of its
 * own, and takes no processor from the server and its clients.
 */
import { constants, setPriority } from "node:os";
import { z } from "zod";
import { attackOf } from "./catalog.ts";

const order = z.object({
  urls: z.object({ redis: z.string().optional(), rabbit: z.string().optional() }),
  group: z.string(),
  name: z.string(),
  /** Absent: only prepare. */
  attack: z
    .object({
      victim: z.object({ port: z.number(), url: z.string(), from: z.string() }),
      ms: z.number(),
      isHonest: z.boolean(),
    })
    .optional(),
});

setPriority(constants.priority.PRIORITY_LOW);
process.on("message", (message) => {
  const { urls, group, name, attack: now } = order.parse(message);
  const attack = attackOf(urls, group, name);
  attack.prepare?.();
  if (!now) {
    process.send?.({});
    return;
  }
  const act = now.isHonest ? (attack.honest ?? attack.run) : attack.run;
  act(now.victim, AbortSignal.timeout(now.ms)).then(
    (done) => process.send?.({ done }),
    (error: unknown) =>
      process.send?.({ problem: error instanceof Error ? error.message : String(error) }),
  );
});
// Whoever started it has ended.
process.on("disconnect", () => process.exit());
process.send?.("ready");
