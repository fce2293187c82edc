/** What an error says, on its way into headers: nothing in it can end the header. */
import { percentEncoded } from "../../../src/server/grpc/status.ts";
import { assert, assertSame } from "../expectations.ts";

export function fuzz(data: Buffer): void {
  const text = data.toString("utf8");
  const encoded = percentEncoded(text);
  assert(/^[ -~]*$/.test(encoded), "only printable ASCII");
  assertSame(decodeURIComponent(encoded), text.toWellFormed(), "message");
}
