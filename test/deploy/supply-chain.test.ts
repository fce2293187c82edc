/** What the program is shipped with: its parts, their licenses, and who may change them. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
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
