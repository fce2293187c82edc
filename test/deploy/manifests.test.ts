/** The files in deploy/: they are what Kubernetes takes, and give nobody more than is needed. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { loadConfig } from "../../src/config.ts";
import { PROCESS_COMMANDS } from "../../src/main-commands.ts";

const FILE = "deploy/kubernetes/agentlane.yaml";
const validator = "deploy/.venv/bin/kubernetes-validate";
const missing = !existsSync(validator);
if (missing) console.warn(`SKIPPED: ${validator} is missing; see deploy/requirements.txt`);

interface Container {
  readonly name: string;
  readonly securityContext: Record<string, unknown>;
  readonly resources: { readonly limits: Record<string, string> };
  readonly env: { readonly name: string; readonly value: string }[];
  readonly ports: { readonly name: string; readonly containerPort: number }[];
  readonly livenessProbe?: object;
  readonly readinessProbe?: object;
}

interface Pod {
  readonly automountServiceAccountToken: boolean;
  readonly securityContext: Record<string, unknown>;
  readonly terminationGracePeriodSeconds: number;
  readonly containers: Container[];
  readonly hostNetwork?: boolean;
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Record<string, string>;
  readonly spec?: { readonly template?: { readonly spec: Pod } };
}

const manifests: Manifest[] = parseAllDocuments(readFileSync(FILE, "utf8")).map((document) =>
  document.toJS(),
);
const settings = manifests.find(({ kind }) => kind === "ConfigMap")?.data ?? {};
const deployments = manifests.flatMap(({ kind, metadata, spec }): [string, Pod][] =>
  kind === "Deployment" && spec?.template ? [[metadata.name, spec.template.spec]] : [],
);

describe("the manifests", () => {
  test("name only commands and options that the program has", () => {
    const [line = "", words = "", options = ""] =
      /src\/main\.ts ([a-z ]+)(.*)/.exec(readFileSync(FILE, "utf8")) ?? [];
    expect(line).not.toBe("");
    const command = PROCESS_COMMANDS.find(({ name }) => name === words.trim());
    const given = [...options.matchAll(/--([a-z-]+)/g)].map((match) => match[1]);
    expect(Object.keys(command?.options ?? {})).toEqual(expect.arrayContaining(given));
    expect(given).not.toEqual([]);
  });

  test("the validator is there in CI", () => {
    if (process.env.CI === "true") expect(missing).toBe(false);
  });

  test.skipIf(missing)("follow the schemas of Kubernetes, with nothing unknown", async () => {
    const { stdout } = await promisify(execFile)(validator, ["--strict", "--no-warn", FILE]);
    expect(stdout.match(/passed for resource/g)).toHaveLength(manifests.length);
  });

  test.skipIf(missing)("are refused for a misspelled key: the check can fail", async () => {
    const checked = promisify(execFile)("python3", [
      "-c",
      `import subprocess, sys, tempfile
text = open(${JSON.stringify(FILE)}).read().replace("readOnlyRootFilesystem", "readOnlyRoot")
with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
    file.write(text); file.flush()
    sys.exit(subprocess.run([${JSON.stringify(validator)}, "--strict", file.name], capture_output=True).returncode)`,
    ]);
    await expect(checked).rejects.toMatchObject({ code: 1 });
  });
});

describe.each(deployments)("%s", (_name, pod) => {
  const [container] = pod.containers;
  if (!container) throw new Error("a pod without a container");

  test("has no rights that it does not need", () => {
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(pod.hostNetwork).toBeUndefined();
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 1000,
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect(container.resources.limits.memory).toBeDefined();
  });

  test("is asked how it is, and is given the time to drain", () => {
    expect(container.livenessProbe).toBeDefined();
    expect(container.readinessProbe).toBeDefined();
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(Number(settings.DRAIN_TIMEOUT));
  });

  test("is started with a configuration that the program takes", () => {
    const own = Object.fromEntries(container.env.map(({ name, value }) => [name, value]));
    const config = loadConfig({ ...settings, ...own, REDIS_URL: "rediss://redis:6379" });
    expect(config.server.port).toBe(port(container, "grpc"));
    const known = new Set(config.settings.map(({ name }) => name));
    expect(Object.keys({ ...settings, ...own }).filter((name) => !known.has(name))).toEqual([]);
    expect(Number(settings.METRICS_PORT)).toBe(port(container, "metrics"));
  });
});

function port({ ports }: Container, name: string): number | undefined {
  return ports.find((each) => each.name === name)?.containerPort;
}
