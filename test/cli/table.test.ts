import { expect, test } from "vitest";
import { elapsed } from "../../src/cli/format.ts";
import { nearest } from "../../src/cli/suggest.ts";
import { type Column, cutTo, oneLine, printable, table, widthOf } from "../../src/cli/table.ts";

interface Row {
  readonly id: string;
  readonly text: string;
  readonly size: number;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: "ID", value: ({ id }) => id },
  { title: "TEXT", value: ({ text }) => text, isFlexible: true },
  { title: "SIZE", value: ({ size }) => `${size}`, isRight: true },
];

const row = (text: string): Row => ({ id: "0123456789", text, size: 7 });
const show = (text: string, columns?: number) =>
  table({ columns, hasColor: false }, COLUMNS, [row(text)])
    .trimEnd()
    .split("\n");

test("columns are aligned, numbers to the right, and nothing is cut in a pipe", () => {
  const long = "x".repeat(200);
  expect(show("short")).toEqual(["ID          TEXT   SIZE", "0123456789  short     7"]);
  expect(show(long)[1]).toContain(long);
});

test("a narrow terminal cuts texts and never ids", () => {
  for (const width of [30, 40, 80]) {
    const lines = show(
      "a long text that does not fit anywhere, not even at eighty cells wide",
      width,
    );
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
    expect(lines[1]).toMatch(/^0123456789 {2}a lo.*… +7$/);
  }
  expect(show("a long text", 5)[1]).toMatch(/^0123456789 {2}a long …/);
});

test("wide characters count as two cells", () => {
  expect([widthOf("日本"), widthOf("é"), widthOf("👍🏽")]).toEqual([4, 1, 2]);
  expect(cutTo("日本語", 5)).toBe("日本…");
  expect(show("日本")[1]).toBe("0123456789  日本     7");
});

test("what agents say cannot move the cursor or break the line", () => {
  const nasty = "a\u001b[2Jb\u001b]0;title\u0007c\r\nd\u0000\u009b1me";
  expect(oneLine(nasty)).not.toMatch(/[^\x20-\x7e]/);
  expect(printable("a\n\tb")).toBe("a\n\tb");
  expect(show(nasty)).toHaveLength(2);
});

test.each([
  [450, "450 ms"],
  [12_340, "12.3 s"],
  [245_000, "4 m 5 s"],
  [12_000_000, "3 h 20 m"],
  [187_200_000, "2 d 4 h"],
])("%d ms are %s", (ms, text) => {
  expect(elapsed(ms)).toBe(text);
});

test.each([
  ["stauts", "status"],
  ["sess", "sessions"],
  ["redirve", "redrive"],
  ["xyzzy", undefined],
])("%s means %s", (word, meant) => {
  expect(nearest(word, ["status", "sessions", "redrive"])).toBe(meant);
});
