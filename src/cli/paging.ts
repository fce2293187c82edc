/** Lists over as many pages as it takes, up to a limit. */
import { count, text } from "./options.ts";

/** The server's own limit on a page. */
const MAX_PAGE_SIZE = 500;

interface Page<T> {
  readonly items: readonly T[];
  readonly nextPageToken: string;
}

type ReadPage<T> = (pageSize: number, pageToken: string) => Promise<Page<T>>;

/** Of every list. */
export const PAGING = {
  limit: count("At most this many", 50, 1, 10_000),
  "page-token": text("TOKEN", "Go on where a list ended"),
};

/** The first items, and where the rest begins; "" = that was all. */
export async function firstItems<T>(
  given: { readonly limit: number; readonly "page-token": string | undefined },
  read: ReadPage<T>,
): Promise<Page<T>> {
  const items: T[] = [];
  let nextPageToken = given["page-token"] ?? "";
  do {
    const page = await read(Math.min(given.limit - items.length, MAX_PAGE_SIZE), nextPageToken);
    items.push(...page.items);
    nextPageToken = page.nextPageToken;
  } while (items.length < given.limit && nextPageToken !== "");
  return { items, nextPageToken };
}

/** Page by page, to the end. */
export async function* allPages<T>(
  pageSize: number,
  read: ReadPage<T>,
): AsyncGenerator<readonly T[], void> {
  let pageToken = "";
  do {
    const page = await read(pageSize, pageToken);
    yield page.items;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}
