/** The turns that clients ask for. */
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { OnDisconnect, type Priority } from "../../gen/agentlane/v1/task_pb.js";

export interface TurnOptions {
  readonly agentId?: string;
  /** Default: stateless. */
  readonly sessionId?: string;
  readonly maxAttempts?: number;
  readonly priority?: Priority;
  readonly configurable?: Readonly<Record<string, number | string>>;
}

export type TurnRequest = ReturnType<typeof requestOf>;

/** Enough that kills alone rarely use them up. */
const MAX_ATTEMPTS = 12;

/** `number` makes its text and key unique in the run. */
export function requestOf(number: number, options: TurnOptions) {
  const { agentId = "echo", sessionId = "", maxAttempts = MAX_ATTEMPTS, priority = 0 } = options;
  const text = { part: { case: "text" as const, value: `turn ${number}` } };
  return {
    agentId,
    sessionId,
    messages: [{ role: Role.USER, content: [text] }],
    idempotencyKey: `key ${number}`,
    priority,
    maxAttempts,
    retryPolicy: {
      initialBackoff: { seconds: 0n, nanos: 20_000_000 },
      maxBackoff: { seconds: 0n, nanos: 300_000_000 },
    },
    onDisconnect: OnDisconnect.CONTINUE,
    configurable: { ...options.configurable },
  };
}

/** What the echo agent says to it. */
export function answerTo({ configurable, agentId }: TurnRequest, text: string): string {
  if (agentId !== "echo") return "unblocked";
  const { tokens } = configurable;
  if (typeof tokens !== "number") return text;
  return Array.from({ length: tokens }, (_, index) => `t${index}`).join(" ");
}
