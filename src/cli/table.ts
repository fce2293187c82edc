/** Tables for people: aligned, and as wide as the terminal at most. */
import { stripVTControlCharacters } from "node:util";
import { type Style, styled, type Terminal } from "./terminal.ts";

export interface Column<T> {
  readonly title: string;
  readonly value: (row: T) => string;
  readonly isRight?: boolean;
  /** May be cut where the terminal is narrow; ids are not, they are copied. */
  readonly isFlexible?: boolean;
  readonly style?: (row: T) => Style | undefined;
}

const GAP = "  ";
const MIN_FLEXIBLE = 8;

/** Ends with a newline. A table without rows is its header. */
export function table<T>(
  terminal: Pick<Terminal, "columns" | "hasColor">,
  columns: readonly Column<T>[],
  rows: readonly T[],
): string {
  const cells = rows.map((row) => columns.map(({ value }) => oneLine(value(row))));
  const natural = columns.map(({ title }, index) =>
    Math.max(title.length, ...cells.map((line) => widthOf(line[index] ?? ""))),
  );
  const widths = fitted(natural, columns, terminal.columns);
  const line = (texts: readonly string[], styleOf: (index: number) => Style | undefined): string =>
    texts
      .map((text, index) => {
        const padded = pad(text, widths[index] ?? 0, columns[index]?.isRight ?? false);
        const style = styleOf(index);
        return style ? styled(terminal, style, padded) : padded;
      })
      .join(GAP)
      .trimEnd();
  const header = line(
    columns.map(({ title }) => title),
    () => "bold",
  );
  const body = cells.map((texts, at) => {
    const row = rows[at];
    return line(texts, (index) => (row === undefined ? undefined : columns[index]?.style?.(row)));
  });
  return `${[header, ...body].join("\n")}\n`;
}

/** Takes from the widest flexible column until the line fits or nothing is left to take. */
function fitted<T>(
  natural: readonly number[],
  columns: readonly Column<T>[],
  limit: number | undefined,
): number[] {
  const widths = [...natural];
  if (limit === undefined) return widths;
  const total = (): number =>
    widths.reduce((sum, width) => sum + width, 0) + GAP.length * (widths.length - 1);
  for (let excess = total() - limit; excess > 0; excess = total() - limit) {
    const flexible = widths.map((width, index) => (columns[index]?.isFlexible ? width : 0));
    const widest = Math.max(...flexible);
    if (widest <= MIN_FLEXIBLE) break;
    const next = Math.max(MIN_FLEXIBLE, ...flexible.filter((width) => width < widest));
    const step = Math.min(excess, Math.max(1, widest - next));
    widths[flexible.indexOf(widest)] = Math.max(MIN_FLEXIBLE, widest - step);
  }
  return widths;
}

function pad(text: string, width: number, isRight: boolean): string {
  const cut = cutTo(text, width);
  const space = " ".repeat(Math.max(0, width - widthOf(cut)));
  return isRight ? `${space}${cut}` : `${cut}${space}`;
}

/** Shortened with an ellipsis. */
export function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let cut = "";
  let used = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    used += widthOf(segment);
    if (used > width - 1) break;
    cut += segment;
  }
  return `${cut}…`;
}

/** In cells of a terminal: East Asian wide characters and emoji take two. */
export function widthOf(text: string): number {
  let width = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    width += WIDE.test(segment) ? 2 : 1;
  }
  return width;
}

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;

/** What comes from agents and users must not move the cursor or break the line. */
export function oneLine(text: string): string {
  return printable(text).replace(/\s+/g, " ");
}

/** Without escape sequences and control characters but newline and tab. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replace(/[^\P{Cc}\n\t]/gu, "");
}

/** `name value` lines, the values aligned; empty values are left out. */
export function fields(
  terminal: Pick<Terminal, "hasColor">,
  lines: readonly (readonly [string, string])[],
): string {
  const shown = lines.filter(([, value]) => value !== "");
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown
    .map(([name, value]) => {
      const head = styled(terminal, "bold", name.padEnd(width));
      return `${head}  ${printable(value).replaceAll("\n", `\n${" ".repeat(width + 2)}`)}\n`;
    })
    .join("");
}
