import type { Page, PageRequest } from "../contract.ts";
import { readOrder, readToken, writeToken } from "../page-token.ts";

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
  let lastOrder = 0;
  for (const item of items) {
    if (orderOf(item) >= before || !matches(item)) continue;
    if (page.length === request.size) return { items: page, nextToken: writeToken(`${lastOrder}`) };
    page.push(show(item));
    lastOrder = orderOf(item);
  }
  return { items: page, nextToken: "" };
}

/** A page of items sorted by a unique text, lowest first. */
export function pageByName<T>(
  items: readonly T[],
  request: PageRequest,
  nameOf: (item: T) => string,
): Page<T> {
  const after = request.token === "" ? undefined : readToken(request.token);
  const rest = after === undefined ? items : items.filter((item) => nameOf(item) > after);
  const page = rest.slice(0, request.size);
  const last = page.at(-1);
  const more = rest.length > page.length && last !== undefined;
  return { items: page, nextToken: more ? writeToken(nameOf(last)) : "" };
}
