/** Whether a server has what the queues are made of, asked on every new connection. */
import { AgentlaneError } from "../../errors.ts";

/** Time to live in quorum queues came with it. */
const MIN_VERSION = [3, 10] as const;

/** Throws `failed_precondition` for a server that is too old, or is no RabbitMQ. */
export function checkServer(properties: {
  readonly product?: unknown;
  readonly version?: unknown;
}) {
  const product = String(properties.product ?? "an unknown server");
  const version = String(properties.version ?? "");
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (product !== "RabbitMQ") {
    throw refused("RABBITMQ_UNKNOWN", `RABBITMQ_URL names ${product}, which is not RabbitMQ`);
  }
  if (major < MIN_VERSION[0] || (major === MIN_VERSION[0] && minor < MIN_VERSION[1])) {
    throw refused(
      "RABBITMQ_TOO_OLD",
      `RabbitMQ ${version} is too old; use RabbitMQ ${MIN_VERSION.join(".")} or newer`,
    );
  }
}

function refused(reason: string, message: string): AgentlaneError {
  return new AgentlaneError("failed_precondition", reason, message);
}
