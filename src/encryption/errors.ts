/** Why content cannot be read. */
import type { TaskError } from "../../gen/agentlane/v1/task_pb.js";
import { AgentlaneError } from "../errors.ts";

/** A process that has the key may get the task next; meanwhile nobody needs to try in a loop. */
const KEY_RETRY_MS = 30_000;

const KEY_UNKNOWN = "ENCRYPTION_KEY_UNKNOWN";
const NOT_CONFIGURED = "ENCRYPTION_NOT_CONFIGURED";

/** Whether it is one of those below that name a key and nothing else. */
export function isAboutKeys({ reason, causes }: TaskError): boolean {
  return (reason === KEY_UNKNOWN || reason === NOT_CONFIGURED) && causes.length === 0;
}

export function keyUnknown(keyId: string): AgentlaneError {
  return new AgentlaneError(
    "failed_precondition",
    KEY_UNKNOWN,
    `content is encrypted with key ${JSON.stringify(keyId)}, which this process does not have`,
    { retryable: true, retryAfterMs: KEY_RETRY_MS, metadata: { key_id: keyId } },
  );
}

/** Whose module, or key file, is not configured here. */
export function notConfigured(what: string): AgentlaneError {
  return new AgentlaneError(
    "failed_precondition",
    NOT_CONFIGURED,
    `content is encrypted, and this process has no ${what}`,
    { retryable: true, retryAfterMs: KEY_RETRY_MS },
  );
}

/** Changed, cut, or moved from another place; or the key of this name is another one. */
export function notAuthentic(keyId: string): AgentlaneError {
  return new AgentlaneError(
    "data_loss",
    "CONTENT_NOT_AUTHENTIC",
    `encrypted content is not what was stored at its place with key ${JSON.stringify(keyId)}`,
    { metadata: { key_id: keyId } },
  );
}

export function unreadableEnvelope(): AgentlaneError {
  return new AgentlaneError(
    "data_loss",
    "CONTENT_NOT_AUTHENTIC",
    "encrypted content has a form that this release does not know",
  );
}
