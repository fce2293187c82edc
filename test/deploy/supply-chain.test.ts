/** What the program is shipped with: its parts, their licenses, and who may change them. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { isAllowed, readLock, shippedPackages } from "../../scripts/licenses.ts";
import { softwareBom } from "../../scripts/sbom.ts";

const packages = shippedPackages(readLock());
const manifest: { name: string; version: string; dependencies: Record<string, string> } =
  JSON.parse(readFileSync("package.json", "utf8"));

describe("licenses", () => {
  test("all that is shipped may be", () => {
    expect(packages.filter(({ license }) => !isAllowed(license))).toEqual([]);
    expect(packages.map(({ name }) => name)).toEqual(
      expect.arrayContaining(Object.keys(manifest.dependencies)),
    );
  });

  test.each([
    ["MIT", true],
    ["(Apache-2.0 AND BSD-3-Clause)", true],
    ["(MIT OR GPL-3.0-only)", true],
    ["MIT AND GPL-3.0-only", false],
    ["(MIT AND ISC) OR GPL-3.0-only", false],
    ["GPL-3.0-only", false],
    ["SEE LICENSE IN LICENSE.md", false],
    ["", false],
  ])("%s: %s", (license, allowed) => {
    expect(isAllowed(license)).toBe(allowed);
  });
});

test("the bill of materials names the program and exactly the packages it is shipped with", () => {
  const bom = softwareBom();
  expect(bom.bomFormat).toBe("CycloneDX");
  expect(bom.metadata.component).toMatchObject({ name: "agentlane", version: manifest.version });
  const named = bom.components.map(({ purl }) => decodeURIComponent(purl).slice("pkg:npm/".length));
  const shipped = packages.map(({ name, version }) => `${name}@${version}`);
  expect(new Set(named)).toEqual(new Set(shipped));
  const refs = new Set(bom.dependencies.map(({ ref }) => ref));
  expect(
    bom.dependencies.flatMap(({ dependsOn }) => dependsOn).filter((ref) => !refs.has(ref)),
  ).toEqual([]);
});

test("every package of the lock file has the digest of what was published", () => {
  const entries = Object.entries(readLock().packages);
  const bare = entries.filter(([path, { integrity }]) => path && !integrity);
  expect(bare.map(([path]) => path)).toEqual([]);
});

test("nothing that is shipped runs code when it is installed", () => {
  const { packages: entries } = lockSchema.parse(readLock());
  const scripts = Object.entries(entries).filter(([, entry]) => entry.hasInstallScript);
  const shipped = scripts.filter(([, { dev, optional }]) => !dev && !optional);
  expect(shipped.map(([path]) => path)).toEqual([]);
});

test.each([
  ["@grpc/grpc-js", "1.10.9"],
  ["amqplib", "2.3.0"],
])("%s is at least %s, which mends what is known", (name, floor) => {
  const { packages: entries } = lockSchema.parse(readLock());
  const version = entries[`node_modules/${name}`]?.version ?? "0.0.0";
  expect([floor, version].sort(byVersion)[0]).toBe(floor);
});

test("Node is at least 24.14.1, the pinned one too", () => {
  expect(engines.parse(manifest).engines.node).toBe(">=24.14.1");
  expect(["24.14.1", process.versions.node].sort(byVersion)[0]).toBe("24.14.1");
});

const engines = z.object({ engines: z.object({ node: z.string() }) });
const lockSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      dev: z.boolean().default(false),
      optional: z.boolean().default(false),
      hasInstallScript: z.boolean().default(false),
    }),
  ),
});

function byVersion(one: string, other: string): number {
  const [a, b] = [one.split(".").map(Number), other.split(".").map(Number)];
  const at = a.findIndex((each, index) => each !== b[index]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}
