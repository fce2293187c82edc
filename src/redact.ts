/** Credentials in what is said of failures: clients, dead letters and logs get it. */

const REDACTED = "[redacted]";
/** Shorter values are words rather than keys, and would take ordinary text with them. */
const MIN_SECRET_LENGTH = 8;
const SECRET_NAME = /key|token|secret|password|authorization|credential/i;
const MAX_DEPTH = 8;

/** Forms that keys have whoever issued them; providers print them whole or masked in the middle. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/\b(Bearer|Basic)\s+[\w.~+/*=-]{6,}/gi, `$1 ${REDACTED}`],
  [/\b(?:sk|pk|rk|gsk|xai|pplx|hf|ghp|gho|ghs|github_pat|xox[a-z])[-_][\w*.-]{4,}/g, REDACTED],
  [/\b(?:AIza|AKIA|ASIA)[\w*-]{8,}/g, REDACTED],
  [/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, REDACTED],
  [/(\bapi[-_ ]?key(?:\s+provided)?["']?\s*[:=]\s*["']?)[^\s"',;}]{4,}/gi, `$1${REDACTED}`],
  [/(:\/\/[^\s/:@]+:)[^\s/@]+@/g, `$1${REDACTED}@`],
];

export function redact(text: string, secrets: readonly string[] = []): string {
  let redacted = text;
  for (const secret of secrets) redacted = redacted.replaceAll(secret, REDACTED);
  for (const [pattern, replacement] of PATTERNS) {
    redacted = redacted.replace(pattern, replacement);
  }
  return redacted;
}

/** The values that their names say are secret, of an environment or of a model's options. */
export function secretsOf(named: unknown, isSecret = false, depth = 0): string[] {
  if (typeof named === "string") {
    const whole = isSecret ? [named] : [];
    return [...whole, ...passwordsOf(named)].filter(({ length }) => length >= MIN_SECRET_LENGTH);
  }
  if (typeof named !== "object" || named === null || Array.isArray(named) || depth >= MAX_DEPTH) {
    return [];
  }
  return Object.entries(named).flatMap(([name, value]) =>
    secretsOf(value, isSecret || SECRET_NAME.test(name), depth + 1),
  );
}

/** Of a URL, as it stands there and as it is sent. */
function passwordsOf(text: string): string[] {
  const password = URL.parse(text)?.password ?? "";
  if (password === "") return [];
  return [password, ...decoded(password)];
}

/** Values of `name=value,name=value`, as OpenTelemetry's headers are given. */
export function secretsOfPairs(pairs: Readonly<Record<string, string>>): string[] {
  return Object.values(pairs).filter(({ length }) => length >= MIN_SECRET_LENGTH);
}

function decoded(text: string): string[] {
  try {
    return [decodeURIComponent(text)];
  } catch (error) {
    if (error instanceof URIError) return [];
    throw error;
  }
}

/** A chain of causes as it is told and kept: names, messages and stacks, and nothing else of them. */
export function redactedCause(cause: unknown, secrets: readonly string[], depth = 0): unknown {
  if (!(cause instanceof Error))
    return cause === undefined ? undefined : redact(String(cause), secrets);
  const inner = depth < MAX_DEPTH ? redactedCause(cause.cause, secrets, depth + 1) : undefined;
  const copy = new Error(redact(cause.message, secrets), { cause: inner });
  copy.name = cause.name;
  copy.stack = redact(cause.stack ?? "", secrets);
  return copy;
}
