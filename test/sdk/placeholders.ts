/** `${name}` in texts, and texts that are too long to write down. */
import type { JsonValue } from "@bufbuild/protobuf";

export type Names = Map<string, JsonValue>;

export function filled(value: unknown, names: Names): JsonValue {
  if (typeof value === "string") return filledText(value, names);
  if (Array.isArray(value)) return value.map((item) => filled(item, names));
  if (value === null || typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value !== "object") throw new Error(`${typeof value} is no JSON`);
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  const [first] = entries;
  if (first?.[0] === "$text" && Array.isArray(first[1])) {
    return String(first[1][0]).repeat(Number(first[1][1]));
  }
  if (first?.[0] === "$tokens") return tokens(Number(first[1]));
  return Object.fromEntries(entries.map(([key, item]) => [key, filled(item, names)]));
}

function filledText(text: string, names: Names): JsonValue {
  return text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = names.get(name);
    if (value === undefined) throw new Error(`nothing is saved as "${name}"`);
    return String(value);
  });
}

/** What the echo agent says when it is asked for so many tokens. */
function tokens(count: number): string {
  return Array.from({ length: count }, (_, index) => `t${index}`).join(" ");
}
