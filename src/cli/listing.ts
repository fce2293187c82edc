/** How a list is shown: a table for people, a document of the contract for programs. */
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { contractJson, document } from "./json.ts";
import type { Remote } from "./remote.ts";
import { type Column, table } from "./table.ts";

interface Listing<D extends DescMessage> {
  /** The contract's name of the list: "tasks". */
  readonly name: string;
  readonly schema: D;
  readonly columns: readonly Column<MessageShape<D>>[];
  readonly items: readonly MessageShape<D>[];
  readonly nextPageToken: string;
}

export async function showList<D extends DescMessage>(
  { terminal, isJson }: Remote,
  { name, schema, columns, items, nextPageToken }: Listing<D>,
): Promise<void> {
  if (isJson) {
    const list = items.map((item) => contractJson(schema, item));
    return terminal.write(document({ [name]: list, nextPageToken }));
  }
  await terminal.write(table(terminal, columns, items));
  if (nextPageToken === "") return;
  terminal.writeError(`There are more: a higher --limit, or --page-token ${nextPageToken}\n`);
}
