/** A list that grows is scrolled to its end, unless one has scrolled up. */
import { useLayoutEffect, useRef } from "preact/hooks";

/** Nearer than this to the end counts as being there. */
const NEAR_PX = 80;

/** After every change of `content`. Answers what the box calls when it is scrolled. */
export function useKeepToEnd(
  box: { readonly current: HTMLElement | null },
  content: unknown,
  isGrowing = true,
): () => void {
  const isAtEnd = useRef(true);
  // Not for each render: `content` says when there is more.
  useLayoutEffect(() => {
    const element = box.current;
    if (element && isGrowing && isAtEnd.current) element.scrollTop = element.scrollHeight;
  }, [content, isGrowing]);
  return () => {
    const element = box.current;
    if (!element) return;
    const distance = element.scrollHeight - element.scrollTop - element.clientHeight;
    isAtEnd.current = distance < NEAR_PX;
  };
}
