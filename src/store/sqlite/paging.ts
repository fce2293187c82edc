import type { Page, PageRequest } from "../contract.ts";
import { pageRoom } from "../page-bytes.ts";
import { readOrder, writeToken } from "../page-token.ts";

export interface Found<T> {
  readonly order: number;
  readonly item: T;
  /** As stored; 0 where items are always small. */
  readonly bytes: number;
}

/** What one look at a list found, highest number first. */
export interface Step<T> {
  readonly items: readonly Found<T>[];
  /** Where to go on: below this number; undefined = the list ends here. */
  readonly next: number | undefined;
}

/** Looks that one page takes at most; a filter that fits little gets short pages, not long waits. */
const MAX_STEPS = 50;

/**
 * A page of items that come ordered by a number, highest first. The token is the number of the last
 * item shown, so that items which come or go between pages are neither repeated nor skipped over.
 * A look below `before` need not find more than `count`, nor more bytes than a page has.
 */
export async function pageOf<T>(
  request: PageRequest,
  step: (before: number, count: number) => Promise<Step<T>>,
): Promise<Page<T>> {
  let before = firstBefore(request);
  const items: T[] = [];
  const room = pageRoom();
  let lastOrder = 0;
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    const found = await step(before, request.size + 1 - items.length);
    for (const { order, item, bytes } of found.items) {
      if (items.length === request.size || !room.take(bytes)) {
        return { items, nextToken: writeToken(`${lastOrder}`) };
      }
      items.push(item);
      lastOrder = order;
    }
    if (found.next === undefined) return { items, nextToken: "" };
    before = found.next;
  }
  return { items, nextToken: writeToken(`${before}`) };
}

/** Orders begin below this. */
export function firstBefore({ token }: PageRequest): number {
  return token === "" ? Number.MAX_SAFE_INTEGER : readOrder(token);
}
