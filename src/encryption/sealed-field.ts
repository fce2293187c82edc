/**
 * Where sealed content stands in a message: in a field that the message's type does not have. Stores
 * and brokers carry it as they carry what a newer release has added, and nobody takes it for content.
 */
import type { UnknownField } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** No type that is sealed may ever have a field of this number; a test looks. */
export const SEALED_FIELD = 2047;

interface Carrier {
  $unknown?: UnknownField[] | undefined;
}

export function sealedField(sealed: Uint8Array): UnknownField[] {
  const data = new BinaryWriter().bytes(sealed).finish();
  return [{ no: SEALED_FIELD, wireType: WireType.LengthDelimited, data }];
}

/** Undefined for a message that is not sealed. */
export function sealedIn({ $unknown }: Carrier): Uint8Array | undefined {
  const field = $unknown?.find(({ no }) => no === SEALED_FIELD);
  return field && new BinaryReader(field.data).bytes();
}

/** Without what a client may have put there. */
export function withoutSealed<T extends Carrier>(message: T): T {
  if (!sealedIn(message)) return message;
  return { ...message, $unknown: message.$unknown?.filter(({ no }) => no !== SEALED_FIELD) };
}
