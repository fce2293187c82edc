/**
 * A custom authenticator: a module that exports `authenticate`. It is asked about calls whose bearer
 * token no configured scheme is for. docs/authentication.md describes it.
 */
import { z } from "zod";
import type { Clock } from "../clock.ts";
import { AgentlaneError } from "../errors.ts";
import type { Approach } from "./contract.ts";
import { principalFields, principalOf, problemsOf } from "./principal-fields.ts";
import type { Verified } from "./scheme.ts";

const MAX_SUBJECT_CHARS = 256;
const TIMEOUT_MS = 5_000;

const answerSchema = z.strictObject({
  subject: z.string().min(1).max(MAX_SUBJECT_CHARS),
  /** When the credential ends, with the calls that it opened; absent = calls go on to their end. */
  expiresAt: z.date().optional(),
  ...principalFields,
});

const moduleSchema = z.looseObject({
  authenticate: z.custom<(request: object) => unknown>((value) => typeof value === "function"),
});

/** `module` as it was imported, `place` as it was configured. */
export function createHook(module: unknown, place: string, clock: Clock) {
  const { data, error } = moduleSchema.safeParse(module);
  if (error) {
    throw new AgentlaneError(
      "invalid_argument",
      "AUTH_MODULE_INVALID",
      `AUTH_MODULE: ${place} exports no function "authenticate"`,
    );
  }
  return async ({ headers, peer }: Approach): Promise<Verified | undefined> => {
    const { address, certificate } = peer;
    const asked = Promise.resolve().then(() =>
      data.authenticate({ headers, address, certificate }),
    );
    const answer = await withinTime(asked, clock);
    if (answer === undefined || answer === null) return undefined;
    const parsed = answerSchema.safeParse(answer);
    if (parsed.error) throw broken(`it answered no principal: ${problemsOf(parsed.error)}`);
    const { subject, expiresAt } = parsed.data;
    const expiresAtMs = expiresAt?.getTime();
    if (expiresAtMs !== undefined && expiresAtMs <= clock.now()) return undefined;
    return { principal: principalOf(parsed.data, `module:${subject}`), expiresAtMs };
  };
}

async function withinTime(asked: Promise<unknown>, clock: Clock): Promise<unknown> {
  const done = new AbortController();
  try {
    return await Promise.race([
      asked.catch((error: unknown) => {
        throw broken("it threw", error);
      }),
      clock.sleep(TIMEOUT_MS, done.signal).then(() => {
        throw broken(`it did not answer within ${TIMEOUT_MS} ms`);
      }),
    ]);
  } finally {
    done.abort();
  }
}

/** Told to the operator only: a caller learns nothing of what is behind. */
function broken(what: string, cause?: unknown): AgentlaneError {
  const message = `the module of AUTH_MODULE is broken: ${what}`;
  return new AgentlaneError("internal", "AUTH_MODULE_BROKEN", message, { cause });
}
