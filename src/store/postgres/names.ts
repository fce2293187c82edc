/** Texts as PostgreSQL takes them: it has no NUL. */

/** Injective. */
export function writeText(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\u0000", "%00");
}

export function readText(stored: string): string {
  return stored.replaceAll("%00", "\u0000").replaceAll("%25", "%");
}
