/** Names in the backends: what is encoded is read back, and says nothing to the backend. */

import { Priority } from "../../../gen/agentlane/v1/task_pb.js";
import { deadQueue, routingKey, topologyOf } from "../../../src/queue/rabbitmq/topology.ts";
import { readText, writeText } from "../../../src/store/postgres/names.ts";
import {
  decodePart,
  encodePart,
  heldName,
  keyName,
  sessionName,
  taskName,
  taskRefOf,
} from "../../../src/store/redis/keys.ts";
import { assert, assertSame } from "../expectations.ts";

const topology = topologyOf("agentlane", "quorum");

export function fuzz(data: Buffer): void {
  const [first = "", second = "", third = ""] = data.toString("utf8").split("\n", 3);
  assertSame(decodePart(encodePart(first)), first, "part");
  const separators = [...encodePart(first)].filter((letter) => letter <= " " || letter === ":");
  assert(separators.length === 0, "a part has a separator");
  assertSame(
    taskRefOf(taskName({ tenant: first, taskId: second })),
    { tenant: first, taskId: second },
    "task",
  );
  assertSame(readText(writeText(first)), first, "text");
  assert(!writeText(first).includes("\u0000"), "text has a NUL");
  assert(keyName(first, second).split(":").length === 2, "key has two parts");
  assert(
    sessionName({ tenant: first, agentId: second, sessionId: third }).split(":").length === 3,
    "session has three parts",
  );
  assert(heldName(first, second).split(" ").length === 2, "held name has two parts");
  const key = routingKey(first, Priority.HIGH);
  assert(/^[A-Za-z0-9._%;-]*\.high$/.test(key), `routing key ${key}`);
  assert(/^agentlane\.dead\.[A-Za-z0-9._%;-]*$/.test(deadQueue(topology, first)), "dead queue");
}
