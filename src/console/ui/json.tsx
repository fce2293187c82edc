/** JSON and code, to read and to copy. */
import type { JsonValue } from "@bufbuild/protobuf";
import { Copy } from "./parts.tsx";

/** More is cut: nobody reads it here. */
const MAX_LENGTH = 100_000;

export function Json({ value, label }: { value: JsonValue; label: string }) {
  return <Code text={JSON.stringify(value, null, 2)} label={label} />;
}

export function Code({ text, label }: { text: string; label: string }) {
  const shown = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}\n…` : text;
  return (
    <div class="code">
      <pre tabIndex={0} role="region" aria-label={label}>
        {shown}
      </pre>
      <Copy text={text} what={label} />
    </div>
  );
}

/** As JSON where it is, else as it stands. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
