import type { Page, PageRequest } from "../contract.ts";
import { messageBytes, pageRoom } from "../page-bytes.ts";
import { readOrder, writeToken } from "../page-token.ts";

/**
 * A page of items that come ordered by a number, highest first. The token is the number of the last
 * item shown, so that items which come or go between pages are neither repeated nor skipped over.
 */
export function pageByOrder<S, T>(
  items: Iterable<S>,
  request: PageRequest,
  orderOf: (item: S) => number,
  matches: (item: S) => boolean,
  show: (item: S) => T,
): Page<T> {
  const before = request.token === "" ? Number.POSITIVE_INFINITY : readOrder(request.token);
  const page: T[] = [];
  const room = pageRoom();
  let lastOrder = 0;
  for (const item of items) {
    if (orderOf(item) >= before || !matches(item)) continue;
    const shown = show(item);
    if (page.length === request.size || !room.take(messageBytes(shown))) {
      return { items: page, nextToken: writeToken(`${lastOrder}`) };
    }
    page.push(shown);
    lastOrder = orderOf(item);
  }
  return { items: page, nextToken: "" };
}
