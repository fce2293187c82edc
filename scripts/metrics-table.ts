/** Writes the table of metrics into docs/observability.md, between its markers. */
import { readFileSync, writeFileSync } from "node:fs";
import { METRICS } from "../src/telemetry/metric-definitions.ts";

const PAGE = new URL("../docs/observability.md", import.meta.url);
const BEGIN = "<!-- metrics: written by scripts/metrics-table.ts -->";
const END = "<!-- end of metrics -->";

export function metricsTable(): string {
  const rows = Object.values(METRICS).map(({ name, kind, unit, attributes, description }) => {
    const named = attributes.map((attribute) => `\`${attribute}\``).join(", ");
    return `| \`${name}\` | ${kind}, ${unit} | ${named} | ${description} |`;
  });
  return ["| metric | kind, unit | attributes | meaning |", "|---|---|---|---|", ...rows].join(
    "\n",
  );
}

/** The page with the table as it is now. */
export function withTable(page: string): string {
  const [before, rest = ""] = page.split(BEGIN);
  const [, after = ""] = rest.split(END);
  return `${before}${BEGIN}\n\n${metricsTable()}\n\n${END}${after}`;
}

if (import.meta.main) writeFileSync(PAGE, withTable(readFileSync(PAGE, "utf8")));
