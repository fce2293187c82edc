/** What the driver and the server say, in the words of the domain. */
import { AgentlaneError } from "../../errors.ts";

const RETRY_AFTER_MS = 1000;

/** Replies that name a cause, and what a user can do about them. */
const SERVER_STATES: readonly (readonly [RegExp, reason: string, (text: string) => string])[] = [
  [
    /Login was refused|ACCESS_REFUSED - Login/,
    "RABBITMQ_LOGIN_REFUSED",
    () => "RabbitMQ refuses the user name or password of RABBITMQ_URL",
  ],
  // The driver keeps to itself what the server says about a vhost.
  [
    /Expected ConnectionOpenOk; got <ConnectionClose/,
    "RABBITMQ_NO_VHOST",
    () => "RabbitMQ has no such vhost as RABBITMQ_URL names, or its user may not use it",
  ],
  [
    /ACCESS_REFUSED/,
    "RABBITMQ_NO_PERMISSION",
    (text) => `the user of RABBITMQ_URL lacks a permission: ${text}; see docs/rabbitmq.md`,
  ],
];

export function unavailable(reason: string, message: string, cause?: unknown): AgentlaneError {
  return new AgentlaneError("unavailable", reason, message, {
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  });
}

export function unreachable(url: string, cause: Error | undefined): AgentlaneError {
  const why = cause?.message ? `: ${cause.message}` : "";
  return unavailable(
    "RABBITMQ_UNREACHABLE",
    `RabbitMQ at ${hostOf(url)} does not answer${why}`,
    cause,
  );
}

/** A broker under an alarm takes no messages; what it says is why. */
export function blocked(url: string, reason: string): AgentlaneError {
  const message = `RabbitMQ at ${hostOf(url)} takes no messages at present: ${reason}`;
  return unavailable("RABBITMQ_BLOCKED", message);
}

export function failureOf(error: unknown, url: string): AgentlaneError {
  if (error instanceof AgentlaneError) return error;
  const cause = error instanceof Error ? error : new Error(String(error));
  const text = serverText(cause.message);
  for (const [pattern, reason, say] of SERVER_STATES) {
    if (pattern.test(text)) return unavailable(reason, say(text), cause);
  }
  if (/PRECONDITION_FAILED - inequivalent/.test(text)) {
    return new AgentlaneError(
      "failed_precondition",
      "RABBITMQ_MISMATCH",
      `RabbitMQ has a queue or an exchange of this name with other settings: ${text}; remove it, or set RABBITMQ_QUEUE_TYPE or RABBITMQ_PREFIX`,
      { cause },
    );
  }
  if (isDistrusted(cause)) {
    return new AgentlaneError(
      "failed_precondition",
      "RABBITMQ_DISTRUSTED",
      `the certificate of RabbitMQ at ${hostOf(url)} is not trusted: ${cause.message}; name its authority's file in NODE_EXTRA_CA_CERTS`,
      { cause },
    );
  }
  return unreachable(url, cause);
}

/** A certificate of another host, or of an authority that this process does not know. */
function isDistrusted(cause: Error): boolean {
  const code = "code" in cause ? String(cause.code) : "";
  return /CERT|UNABLE_TO_VERIFY/.test(code);
}

/** The part of the driver's message that the server wrote. */
function serverText(message: string): string {
  return /"([A-Z_]+ - [^"]*)"/.exec(message)?.[1] ?? message;
}

/** Never the password. */
export function hostOf(url: string): string {
  return URL.parse(url)?.host ?? "RABBITMQ_URL";
}
