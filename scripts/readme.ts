/** Writes the configuration table into README.md, between its markers. Part of `npm run gen`. */
import { readFileSync, writeFileSync } from "node:fs";
import { configTable } from "../src/config.ts";

const BEGIN = "<!-- configuration: npm run gen -->";
const END = "<!-- end of configuration -->";

const file = new URL("../README.md", import.meta.url);
const text = readFileSync(file, "utf8");
const begin = text.indexOf(BEGIN);
const end = text.indexOf(END);
if (begin < 0 || end < begin) throw new Error("README.md has lost its configuration markers");
writeFileSync(file, `${text.slice(0, begin)}${BEGIN}\n\n${configTable()}\n\n${text.slice(end)}`);
