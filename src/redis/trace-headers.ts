/** Trace headers as JSON; empty without any. */
export function writeHeaders(headers: Readonly<Record<string, string>>): string {
  return Object.keys(headers).length === 0 ? "" : JSON.stringify(headers);
}

export function readHeaders(stored: Buffer): Record<string, string> {
  return stored.length === 0 ? {} : JSON.parse(stored.toString());
}
