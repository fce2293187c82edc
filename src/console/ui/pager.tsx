/** From page to page of a list whose pages lead on by tokens. */
import { useState } from "preact/hooks";
import { Button } from "./parts.tsx";

export interface Pages {
  /** Of the page shown; empty = the first. */
  readonly token: string;
  readonly number: number;
  readonly next: (token: string) => void;
  readonly back: () => void;
}

/** Starts again with the first page when `key` (the filters) changes. */
export function usePages(key: string): Pages {
  const [state, setState] = useState<{ key: string; tokens: readonly string[] }>({
    key,
    tokens: [],
  });
  const tokens = state.key === key ? state.tokens : [];
  return {
    token: tokens.at(-1) ?? "",
    number: tokens.length + 1,
    next: (token) => setState({ key, tokens: [...tokens, token] }),
    back: () => setState({ key, tokens: tokens.slice(0, -1) }),
  };
}

export function Pager({ pages, nextToken }: { pages: Pages; nextToken: string }) {
  if (pages.number === 1 && nextToken === "") return null;
  return (
    <nav class="pager" aria-label="Pages">
      <Button disabled={pages.number === 1} onClick={pages.back}>
        Newer
      </Button>
      <span>Page {pages.number}</span>
      <Button disabled={nextToken === ""} onClick={() => pages.next(nextToken)}>
        Older
      </Button>
    </nav>
  );
}
