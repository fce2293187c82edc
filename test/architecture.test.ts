import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { checkArchitecture } from "../scripts/architecture.ts";
import { checkHygiene, checkLock } from "../scripts/hygiene.ts";

const root = new URL("..", import.meta.url);

/** Messages for one file. */
function messages(path: string, text: string): string[] {
  return checkArchitecture([{ path, text }]).map((violation) => violation.message);
}

test.each([
  ["src/tasks/a.ts", "../server/rpc.ts", "tasks must not import server"],
  ["src/tasks/a.ts", "../worker/attempt.ts", "tasks must not import worker"],
  ["src/tasks/a.ts", "../executor/contract.ts", "tasks must not import executor"],
  ["src/tasks/a.ts", "../store/memory/memory-store.ts", "tasks must not import adapter:store"],
  ["src/server/a.ts", "../store/contract.ts", "server must not import store"],
  ["src/server/a.ts", "../worker/attempt.ts", "server must not import worker"],
  ["src/server/a.ts", "../executor/contract.ts", "server must not import executor"],
  ["src/worker/a.ts", "../server/rpc.ts", "worker must not import server"],
  ["src/worker/a.ts", "../executor/langgraph/x.ts", "worker must not import adapter:executor"],
  ["src/executor/a.ts", "../queue/contract.ts", "executor must not import queue"],
  ["src/executor/a.ts", "../tasks/task-state.ts", "executor must not import tasks"],
  ["src/executor/a.ts", "./langgraph/x.ts", "executor must not import adapter:executor"],
  ["src/executor/langgraph/a.ts", "../../store/contract.ts", "must not import store"],
  ["src/queue/contract.ts", "../store/contract.ts", "queue must not import store"],
  ["src/queue/memory/a.ts", "../../store/contract.ts", "must not import store"],
  ["src/queue/redis/a.ts", "../memory/b.ts", "must not import adapter:queue/memory"],
  ["src/store/memory/a.ts", "../../tasks/task-state.ts", "must not import tasks"],
  ["src/encryption/a.ts", "../store/memory/store.ts", "encryption must not import adapter:store"],
  ["src/store/a.ts", "../encryption/content.ts", "store must not import encryption"],
  ["src/telemetry/a.ts", "../tasks/task-state.ts", "telemetry must not import tasks"],
  ["src/telemetry/a.ts", "../config.ts", "telemetry must not import config"],
  ["src/tasks/a.ts", "../config.ts", "tasks must not import config"],
  ["src/tasks/a.ts", "../config-variables.ts", "tasks must not import config"],
  ["src/config.ts", "./telemetry/logging.ts", "config must not import telemetry"],
  ["src/errors.ts", "./tasks/task-state.ts", "foundation must not import tasks"],
  ["src/main.ts", "./store/memory/memory-store.ts", "main must not import adapter:store"],
  ["src/runtime.ts", "./main.ts", "runtime must not import main"],
  ["src/console/a.ts", "../errors.ts", "console must not import foundation"],
  ["src/console/a.ts", "../tasks/watch.ts", "console must not import tasks"],
  ["src/tasks/a.ts", "../../test/fakes/fake-clock.ts", "tasks must not import outside"],
  ["src/engine/a.ts", "../errors.ts", '"engine" is no room of the design'],
  ["src/tasks/a.ts", "../../sdk/typescript/src/errors.ts", "tasks must not import sdk"],
  ["src/cli/a.ts", "../tasks/watch.ts", "cli must not import tasks"],
  ["src/cli/a.ts", "../config.ts", "cli must not import config"],
  ["src/cli/commands/a.ts", "../../runtime.ts", "cli must not import runtime"],
  ["sdk/typescript/src/a.ts", "../../../src/errors.ts", "must not import what is not published"],
  ["sdk/typescript/src/a.ts", "../../../gen/x.js", "must not import what is not published"],
  ["sdk/typescript/src/client.ts", "node:http2", "must not import node:http2"],
  ["sdk/typescript/src/web.ts", "@connectrpc/connect-node", "must not import @connectrpc"],
  ["sdk/typescript/src/node.ts", "@grpc/grpc-js", "must not import @grpc/grpc-js"],
])("%s must not import %s", (path, specifier, message) => {
  for (const text of [
    `import { a } from "${specifier}"; a();`,
    `import type { A } from "${specifier}"; export type B = A;`,
    `export { a } from "${specifier}"; export const b = 1;`,
    `const a = await import("${specifier}"); a.b();`,
    `export type B = import("${specifier}").A;`,
  ]) {
    expect(messages(path, text)).toEqual([expect.stringContaining(message)]);
  }
});

test.each([
  ["src/tasks/a.ts", "@connectrpc/connect"],
  ["src/tasks/a.ts", "@langchain/core/messages"],
  ["src/executor/a.ts", "langchain"],
  ["src/tasks/a.ts", "@opentelemetry/sdk-trace"],
  ["src/worker/a.ts", "pino"],
  ["src/queue/memory/a.ts", "ioredis"],
  ["src/store/redis/a.ts", "amqplib"],
  ["src/store/memory/a.ts", "pg"],
  ["src/store/memory/a.ts", "node:sqlite"],
  ["src/server/a.ts", "@connectrpc/connect-web"],
  ["src/console/a.tsx", "@connectrpc/connect-node"],
  ["src/console/a.tsx", "@connectrpc/connect/protocol"],
  ["src/server/a.ts", "preact/hooks"],
  ["src/server/a.ts", "uplot"],
  ["src/worker/a.ts", "node:timers/promises"],
  ["src/worker/a.ts", "node:process"],
  ["src/cli/a.ts", "@connectrpc/connect-node"],
])("%s must not import the driver %s", (path, specifier) => {
  expect(messages(path, `import * as a from "${specifier}"; a.b();`)).toEqual([
    expect.stringContaining(specifier),
  ]);
});

test.each([
  ["src/worker/a.ts", "Date.now();"],
  ["src/console/a.tsx", "Date.now();"],
  ["src/worker/a.ts", "new Date();"],
  ["src/worker/a.ts", "performance.now();"],
  ["src/worker/a.ts", "Math.random();"],
  ["src/worker/a.ts", "setTimeout(() => 1, 5);"],
  ["src/worker/a.ts", "globalThis.setTimeout(() => 1, 5);"],
  ["src/worker/a.ts", "setInterval(() => 1, 5);"],
  ["src/worker/a.ts", "process.env.HOME;"],
  ["src/worker/a.ts", 'process["env"].HOME;'],
  ["src/worker/a.ts", "const x = {} as unknown as string; x;"],
  ["test/a.test.ts", "const x = {} as unknown as string; x;"],
  ["src/worker/a.ts", 'export * from "./b.ts"; export { c } from "./c.ts";'],
  ["src/worker/index.ts", "export const a = 1;"],
  ["src/worker/a.ts", "//\n".repeat(401)],
  ["bench/a.ts", "//\n".repeat(401)],
  ["src/worker/a.ts", "import {"],
])("%s must not have %j", (path, text) => {
  expect(messages(path, text)).toHaveLength(1);
});

test.each([
  ["src/clock.ts", "Date.now(); Math.random(); setTimeout(() => 1, 5); performance.now();"],
  ["src/config.ts", "process.env.HOME;"],
  ["src/server/a.ts", 'import "@connectrpc/connect"; import "../tasks/watch.ts";'],
  ["src/executor/langgraph/templates/a.ts", 'import "langchain"; import "../../contract.ts";'],
  ["src/queue/memory/a.ts", 'import "../contract.ts"; import "../../linked-list.ts";'],
  ["src/runtime.ts", 'import "./queue/memory/q.ts"; import "./server/s.ts"; import "./config.ts";'],
  ["src/worker/a.ts", "// Date.now() in a comment\nexport const a = 'setTimeout(1)'; new Date(5);"],
  ["src/worker/a.ts", "AbortSignal.timeout(5); session.setTimeout(1, () => 2);"],
  ["src/console/a.ts", 'import "../../gen/agentlane/v1/task_pb.js";'],
  ["src/console/clock.ts", "Date.now(); setTimeout(() => 1, 5);"],
  ["src/console/a.tsx", 'import "@connectrpc/connect-web"; import "preact"; import "uplot";'],
  ["test/a.test.ts", "process.env.X; Date.now();"],
])("%s may have %j", (path, text) => {
  expect(messages(path, text)).toEqual([]);
});

test.each([
  ["a path of a home", `open("${"/home"}/ada/data")`],
  ["a path of root", ` ${"/root"}/.ssh`],
  ["a build machine's path", ` ${"/work"}/main`],
  ["a private key", `-----BEGIN ${"RSA PRIVATE"} KEY-----\nMIIE`],
  ["an AWS key", `AKIA${"A1B2".repeat(4)}`],
  ["an API key", `sk-proj-${"a1".repeat(20)}`],
  ["a GitHub token", `ghp_${"a1".repeat(18)}`],
  ["a registry token", "//registry.npmjs.org/:_auth" + "Token=x"],
  ["a private registry", `"resolved": "http${"s://npm.example"}.com/a.tgz"`],
])("no file has %s", (_what, text) => {
  expect(checkHygiene([{ path: "a.txt", text: `first\n${text}` }])).toMatchObject([{ line: 2 }]);
});

test("a lock file is complete and versions are exact", () => {
  const manifest = { dependencies: { a: "1.0.0" }, optionalDependencies: { p: "2.0.0" } };
  const packages = {
    "": manifest,
    "node_modules/a": { optionalDependencies: { b: "^1", c: "^1" } },
    "node_modules/a/node_modules/b": {},
    "node_modules/c": {},
    "node_modules/p": {},
  };
  expect(checkLock(manifest, { packages })).toEqual([]);
  const { "node_modules/c": _dropped, ...incomplete } = packages;
  expect(checkLock(manifest, { packages: incomplete })).toEqual([
    "node_modules/a: c is not in the lock",
  ]);
  expect(checkLock({ dependencies: { a: "^1.0.0" } }, { packages })).toHaveLength(2);
});

test("this repository keeps all of the rules", () => {
  const files = execFileSync("git", ["ls-files"], { cwd: root, encoding: "utf8" })
    .split("\n")
    .filter((path) => /\.tsx?$/.test(path) && !/(^|\/)gen\//.test(path))
    .filter((path) => existsSync(new URL(path, root)))
    .map((path) => ({ path, text: readFileSync(new URL(path, root), "utf8") }));
  expect(files.length).toBeGreaterThan(20);
  expect(checkArchitecture(files)).toEqual([]);
  expect(checkHygiene(files)).toEqual([]);
});
