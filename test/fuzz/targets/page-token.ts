/** Page tokens come back from clients: one that was not handed out is refused. */
import { readOrder, readToken, writeToken } from "../../../src/store/page-token.ts";
import { assertSame, unlessRefused } from "../expectations.ts";

export function fuzz(data: Buffer): void {
  const text = data.toString("utf8");
  const position = unlessRefused(() => readToken(text));
  if (position !== undefined) assertSame(writeToken(position), text, "token");
  unlessRefused(() => readOrder(text));
  const wellFormed = text.toWellFormed();
  assertSame(readToken(writeToken(wellFormed)), wellFormed, "position");
}
