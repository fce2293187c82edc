/** docs/security-review.md names a test for every line of the security list: each must be there. */
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const text = readFileSync("docs/security-review.md", "utf8");
const section = text.split("## The list, line by line\n")[1]?.split("\n## ")[0] ?? "";
const rows = section.split("\n").filter((line) => /^\| (?!line|-)/.test(line));

test("the list has its lines", () => {
  expect(rows.length).toBeGreaterThan(30);
});

test.each(rows.map((row) => row.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, ""))))(
  "%s",
  (_line, tests = "") => {
    const named = [...tests.matchAll(/`([^`]+)`: ([^;|]+)/g)];
    expect(named.length).toBeGreaterThan(0);
    for (const [, file = "", name = ""] of named) {
      expect(existsSync(file), file).toBe(true);
      expect(readFileSync(file, "utf8"), `${file} has no "${name.trim()}"`).toContain(name.trim());
    }
  },
);
