/** The page a list request asks for; the contract gives its fields the same names everywhere. */
import { type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import type { TaskManager } from "../tasks/task-manager.ts";

type PageRequest = Parameters<TaskManager["list"]>[2];

interface Page<T> {
  readonly items: readonly T[];
}

/** As the contract documents it. */
const DEFAULT_PAGE_SIZE = 50;
/** Of a message: the rest is for what is not items, and for JSON, which is larger. */
const PAGE_SHARE = 0.75;

/**
 * A page whose items fit into a reply, though fewer than were asked for: its token leads on. At
 * least one item, however large.
 */
export async function fittingPage<D extends DescMessage, P extends Page<MessageShape<D>>>(
  schema: D,
  maxMessageBytes: number,
  page: PageRequest,
  read: (page: PageRequest) => Promise<P>,
): Promise<P> {
  let { size } = page;
  for (;;) {
    const found = await read({ ...page, size });
    const fitting = countWithin(schema, found.items, maxMessageBytes * PAGE_SHARE);
    if (fitting === found.items.length) return found;
    // A store's token belongs to the end of the page it has read: so a shorter one is read.
    size = fitting;
  }
}

function countWithin<D extends DescMessage>(
  schema: D,
  items: readonly MessageShape<D>[],
  maxBytes: number,
): number {
  let bytes = 0;
  let count = 0;
  for (const item of items) {
    bytes += toBinary(schema, item).byteLength;
    if (bytes > maxBytes) break;
    count++;
  }
  return items.length > 0 ? Math.max(1, count) : 0;
}

export function pageOf(request: { pageSize: number; pageToken: string }): PageRequest {
  return { size: request.pageSize || DEFAULT_PAGE_SIZE, token: request.pageToken };
}

/** Filters are absent where the request leaves a field empty. */
export function filled<K extends string>(
  fields: Readonly<Record<K, string>>,
): { [key in K]?: string } {
  const present: { [key in K]?: string } = {};
  for (const key in fields) {
    if (fields[key] !== "") present[key] = fields[key];
  }
  return present;
}
