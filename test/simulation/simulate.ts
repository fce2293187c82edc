/** One run: commands, then quiet, then the end. */
import { applyCommand } from "./apply-command.ts";
import { Clients } from "./clients.ts";
import type { Command } from "./commands.ts";
import type { History } from "./history.ts";
import { LIMITS } from "./settings.ts";
import { World, type WorldOptions } from "./world.ts";

/** Without faults everything has ended after this. */
const QUIET_BOUND_MS = 600_000;
const QUIET_STEP_MS = 4000;

export async function simulate(
  commands: readonly Command[],
  options: WorldOptions,
): Promise<History> {
  const world = new World(options);
  const clients = new Clients(world);
  await world.start();
  for (const [order, command] of commands.entries()) {
    await applyCommand(world, clients, command, order);
    await world.clock.advance(0);
    await world.snapshot();
  }
  await world.stopFaults();
  for (let waitedMs = 0; waitedMs < QUIET_BOUND_MS; waitedMs += QUIET_STEP_MS) {
    await world.clock.advance(QUIET_STEP_MS);
    if (await world.isQuiet()) break;
  }
  await world.snapshot();
  world.recorder.add({ type: "quiet", at: world.clock.now() });
  const leaks = await world.stop();
  clients.finish();
  world.recorder.add({ type: "stopped", at: world.clock.now(), leaks });
  return { limits: LIMITS, records: world.recorder.records() };
}
