/** What RabbitMQ does wrong in a fault run, whatever the store is. */
import { setTimeout as after } from "node:timers/promises";
import { type RabbitServer, startRabbit } from "../../harness/rabbitmq-server.ts";
import { between, type SeededRandom } from "../random.ts";
import type { BackendFault } from "./contract.ts";

export const PREFIX = "faults";
export const QUEUE = "agent.tasks";
const LEVELS = ["low", "normal", "high", "urgent"];
/** More than free on any disk. */
const IMPOSSIBLE_DISK = '["900000GB"]';
const USUAL_DISK = '["1MB"]';

/** RabbitMQ 3.10 loses a quorum queue for good that is younger when the broker is killed. */
const SETTLED_MS = 3000;

export const RABBIT_FAULT_KINDS = [
  "close-connections",
  "stop-app",
  "queue-deleted",
  "broker-flushed",
  "blocked",
  "rabbitmq-restart",
];

/** No running task may depend on its timeout: a doorbell is acked once its task is claimed. */
export function startFaultyRabbit(): Promise<RabbitServer> {
  return startRabbit({ settings: ["{consumer_timeout, 60000}", "{channel_tick_interval, 5000}"] });
}

/** One for each of RABBIT_FAULT_KINDS. */
export function rabbitFaultsOf(rabbit: RabbitServer): Record<string, BackendFault> {
  return {
    "close-connections": { isOutage: false, inject: () => rabbit.closeConnections() },
    "stop-app": { isOutage: true, inject: (chance) => stopApp(rabbit, chance) },
    "queue-deleted": { isOutage: false, inject: (chance) => deleteQueue(rabbit, chance) },
    "broker-flushed": { isOutage: false, inject: () => rabbit.drop(`${PREFIX}.`) },
    blocked: { isOutage: false, inject: (chance) => block(rabbit, chance) },
    "rabbitmq-restart": { isOutage: true, inject: (chance) => restart(rabbit, chance) },
  };
}

async function stopApp(rabbit: RabbitServer, chance: SeededRandom): Promise<void> {
  await rabbit.call("rabbit", "stop");
  await after(between(chance, 0, 1500));
  await rabbit.call("rabbit", "start");
}

async function deleteQueue(rabbit: RabbitServer, chance: SeededRandom): Promise<void> {
  const level = LEVELS[Math.floor(between(chance, 0, LEVELS.length))] ?? "normal";
  await rabbit.drop(`${PREFIX}.queue.${QUEUE}.${level}`);
}

async function block(rabbit: RabbitServer, chance: SeededRandom): Promise<void> {
  await rabbit.call("rabbit_disk_monitor", "set_disk_free_limit", IMPOSSIBLE_DISK);
  await after(between(chance, 500, 2500));
  await rabbit.call("rabbit_disk_monitor", "set_disk_free_limit", USUAL_DISK);
}

async function restart(rabbit: RabbitServer, chance: SeededRandom): Promise<void> {
  await after(SETTLED_MS);
  await rabbit.kill();
  await after(between(chance, 0, 1500));
  await rabbit.start();
}
