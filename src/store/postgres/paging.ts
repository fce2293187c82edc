import type { Page, PageRequest } from "../contract.ts";
import { readOrder, writeToken } from "../page-token.ts";

/** What one look at a list found, highest number first. */
export interface Step<T> {
  /** Those that fit, of the first `lookedAtCount`, as far as a page has room for their bytes. */
  readonly items: readonly { readonly order: number; readonly item: T }[];
  /** Those that fit. */
  readonly foundCount: number;
  readonly lookedAtCount: number;
  /** The number of the last one looked at. */
  readonly lastOrder: number;
}

/** Rows that one page looks at; a filter that fits little gets short pages, not long waits. */
export const STEP_COUNT = 5000;

/**
 * A page of items that come ordered by a number, highest first. The token is the number of the last
 * item shown, so that items which come or go between pages are neither repeated nor skipped over.
 */
export async function pageOf<T>(
  request: PageRequest,
  look: (before: number, count: number) => Promise<Step<T>>,
): Promise<Page<T>> {
  const before = request.token === "" ? Number.MAX_SAFE_INTEGER : readOrder(request.token);
  const { items, foundCount, lookedAtCount, lastOrder } = await look(before, request.size + 1);
  const shown = items.slice(0, request.size);
  const last = shown.at(-1);
  if (foundCount > shown.length && last) {
    return { items: shown.map(({ item }) => item), nextToken: writeToken(`${last.order}`) };
  }
  const nextToken = lookedAtCount < STEP_COUNT ? "" : writeToken(`${lastOrder}`);
  return { items: shown.map(({ item }) => item), nextToken };
}
