/** How large an event is, roughly: encoding each one to find out would cost more than storing it. */

/** For every field and list item, whatever it holds. */
const FIELD_BYTES = 8;

/** Names, texts and bytes as they are, a little for everything else. */
export function approximateBytes(value: unknown): number {
  if (typeof value === "string") return FIELD_BYTES + value.length;
  if (value instanceof Uint8Array) return FIELD_BYTES + value.byteLength;
  let bytes = FIELD_BYTES;
  if (Array.isArray(value)) {
    for (const item of value) bytes += approximateBytes(item);
  } else if (typeof value === "object" && value !== null) {
    for (const [name, field] of Object.entries(value)) {
      if (name !== "$typeName") bytes += name.length + approximateBytes(field);
    }
  }
  return bytes;
}
