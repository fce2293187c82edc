/** The rules of the rooms: who may import whom, and what only one file may touch. */
import { posix } from "node:path";
import { type ESTree, parseSync, Visitor } from "vite";

export interface SourceFile {
  /** From the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Violation {
  readonly path: string;
  /** 1-based. */
  readonly line: number;
  readonly message: string;
}

const MAX_LINES = 400;

/** Which rooms a room may import beside itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  main: ["runtime", "config", "cli"],
  cli: ["sdk"],
  runtime: [
    "config",
    "server",
    "tasks",
    "queue",
    "store",
    "worker",
    "executor",
    "redis",
    "adapter",
    "auth",
    "encryption",
  ],
  config: [],
  foundation: [],
  telemetry: [],
  server: ["tasks", "auth"],
  auth: ["tasks", "store"],
  tasks: ["queue", "store"],
  worker: ["tasks", "queue", "store", "executor"],
  executor: ["store"],
  queue: [],
  store: [],
  encryption: ["queue", "store"],
  redis: ["queue", "store"],
  console: [],
};

/** Rooms that everybody may import; the console only the last. */
const OPEN_ROOMS = ["foundation", "telemetry", "gen"];

/** Rooms whose folders are adapters. */
const SEAMS = ["queue", "store", "executor"];

/** Drivers and the only paths that may import them. */
const DRIVERS: readonly (readonly [RegExp, RegExp])[] = [
  [/^@connectrpc\/connect-web$/, /^src\/console\//],
  [/^@connectrpc\/connect$/, /^src\/(server|console)\//],
  [/^@connectrpc\/(?!connect(-web)?$)/, /^src\/server\//],
  [/^(preact|uplot)(\/|$)/, /^src\/console\//],
  [/^(@langchain\/|langchain(\/|$))/, /^src\/executor\/langgraph\//],
  [/^@opentelemetry\/(?!api$)/, /^src\/telemetry\//],
  [/^pino(\/|$)/, /^src\/telemetry\//],
  [/^jose(\/|$)/, /^src\/auth\/jwt\//],
  [/^ioredis(\/|$)/, /^src\/redis\//],
  [/^amqplib(\/|$)/, /^src\/queue\/rabbitmq\//],
  [/^pg(\/|$)/, /^src\/store\/postgres\//],
  [/^node:sqlite$/, /^src\/store\/sqlite\//],
];

/**
 * The SDK runs in browsers too and is published alone: what it may import, and the only files for
 * what is not everywhere.
 */
const SDK_SOURCE = /^sdk\/typescript\/src\//;
const SDK_PACKAGES: readonly (readonly [RegExp, RegExp])[] = [
  [/^@bufbuild\/protobuf(\/|$)/, SDK_SOURCE],
  [/^@connectrpc\/connect$/, SDK_SOURCE],
  [/^@connectrpc\/connect-node$/, /^sdk\/typescript\/src\/node\.ts$/],
  [/^@connectrpc\/connect-web$/, /^sdk\/typescript\/src\/web\.ts$/],
  [/^@grpc\/grpc-js$/, /^sdk\/typescript\/src\/grpc-js\.ts$/],
];

/** The console's own: it runs in browsers and imports nothing of the program. */
const CLOCK = /^src\/(console\/)?clock\.ts$/;
/** The second one sets a variable before LangChain loads, and reads none. */
const ENVIRONMENT = /^src\/(config|executor\/langgraph\/environment)\.ts$/;

export function checkArchitecture(files: readonly SourceFile[]): Violation[] {
  return files.flatMap((file) => {
    const parsed = parseSync(file.path, file.text);
    const parseError = parsed.errors[0];
    if (parseError) return [{ path: file.path, line: 1, message: parseError.message }];
    const found: Violation[] = [];
    const report: Report = (at, message) => {
      found.push({ path: file.path, line: lineOf(file.text, at), message });
    };
    checkShape(file, parsed.program, report);
    checkCasts(parsed.program, report);
    if (file.path.startsWith("src/")) {
      checkImports(file, parsed.program, report);
      checkGlobals(file, parsed.program, report);
    }
    if (SDK_SOURCE.test(file.path)) checkSdkImports(file, parsed.program, report);
    return found;
  });
}

type Report = (at: number, message: string) => void;

function lineOf(text: string, at: number): number {
  return text.slice(0, at).split("\n").length;
}

/** The room of a path; adapters as `adapter:<seam>/<name>`. */
function roomOf(path: string): string {
  if (path.startsWith("gen/")) return "gen";
  if (SDK_SOURCE.test(path)) return "sdk";
  const [root, first = "", second = ""] = path.split("/");
  if (root !== "src") return "outside";
  if (path.split("/").length === 2) {
    const name = first.replace(/(-.*)?\.ts$/, "");
    return ["main", "runtime", "config"].includes(name) ? name : "foundation";
  }
  const isAdapter = SEAMS.includes(first) && path.split("/").length > 3;
  return isAdapter ? `adapter:${first}/${second}` : first;
}

function mayImport(from: string, to: string): boolean {
  if (from === to) return true;
  if (from === "console") return to === "gen";
  if (OPEN_ROOMS.includes(to)) return to === "gen" || from !== "config" || to === "foundation";
  if (from.endsWith("/redis") && to === "redis") return true;
  if (from.startsWith("adapter:")) return from.startsWith(`adapter:${to}/`);
  const kind = to.startsWith("adapter:") ? "adapter" : to;
  return MAY_IMPORT[from]?.includes(kind) ?? false;
}

function checkImports(file: SourceFile, program: ESTree.Program, report: Report): void {
  const from = roomOf(file.path);
  if (!from.startsWith("adapter:") && MAY_IMPORT[from] === undefined) {
    report(0, `"${from}" is no room of the design; add it there and to scripts/architecture.ts`);
  }
  for (const { specifier, at } of importsOf(program)) {
    if (specifier.startsWith(".")) {
      const target = posix.join(posix.dirname(file.path), specifier);
      const to = roomOf(target);
      if (!mayImport(from, to)) report(at, `${from} must not import ${to} (${specifier})`);
      continue;
    }
    for (const [driver, home] of DRIVERS) {
      if (driver.test(specifier) && !home.test(file.path)) {
        report(at, `only ${home.source} may import ${specifier}`);
      }
    }
    if (/^(node:)?timers(\/|$)/.test(specifier)) {
      report(at, `${specifier}: time is injected; use the Clock of src/clock.ts`);
    }
    if (/^(node:)?process$/.test(specifier)) {
      report(at, `${specifier}: use the global process, and src/config.ts for its environment`);
    }
  }
}

function checkSdkImports(file: SourceFile, program: ESTree.Program, report: Report): void {
  for (const { specifier, at } of importsOf(program)) {
    if (specifier.startsWith(".")) {
      const target = posix.join(posix.dirname(file.path), specifier);
      const isOwn = SDK_SOURCE.test(target) || target.startsWith("sdk/typescript/gen/");
      if (!isOwn) report(at, `an SDK must not import what is not published (${specifier})`);
      continue;
    }
    const homes = SDK_PACKAGES.filter(([name]) => name.test(specifier));
    if (!homes.some(([, home]) => home.test(file.path))) {
      report(at, `this file of the SDK must not import ${specifier}`);
    }
  }
}

function importsOf(program: ESTree.Program): { specifier: string; at: number }[] {
  const found: { specifier: string; at: number }[] = [];
  const add = (source: ESTree.Expression | null): void => {
    if (source?.type === "Literal" && typeof source.value === "string") {
      found.push({ specifier: source.value, at: source.start });
    }
  };
  new Visitor({
    ImportDeclaration: (node) => add(node.source),
    ExportNamedDeclaration: (node) => add(node.source),
    ExportAllDeclaration: (node) => add(node.source),
    ImportExpression: (node) => add(node.source),
    TSImportType: (node) => add(node.source),
  }).visit(program);
  return found;
}

/** `object.property` as text; empty for anything else. */
function memberName(node: ESTree.MemberExpression): string {
  const property =
    node.property.type === "Identifier" && !node.computed
      ? node.property.name
      : node.property.type === "Literal"
        ? String(node.property.value)
        : "";
  return node.object.type === "Identifier" ? `${node.object.name}.${property}` : "";
}

function checkGlobals(file: SourceFile, program: ESTree.Program, report: Report): void {
  const timeAndChance = (at: number, what: string): void => {
    if (!CLOCK.test(file.path)) {
      report(at, `${what}: time and chance are injected; use src/clock.ts`);
    }
  };
  new Visitor({
    MemberExpression(node) {
      const name = memberName(node).replace(/^globalThis\./, "");
      if (
        ["Date.now", "performance.now", "Math.random", "setTimeout", "setInterval"].includes(name)
      ) {
        timeAndChance(node.start, name);
      }
      if (name === "process.env" && !ENVIRONMENT.test(file.path)) {
        report(node.start, "process.env: only src/config.ts reads the environment");
      }
    },
    CallExpression(node) {
      if (node.callee.type !== "Identifier") return;
      if (["setTimeout", "setInterval"].includes(node.callee.name)) {
        timeAndChance(node.start, node.callee.name);
      }
    },
    NewExpression(node) {
      const isNow =
        node.callee.type === "Identifier" &&
        node.callee.name === "Date" &&
        node.arguments.length === 0;
      if (isNow) timeAndChance(node.start, "new Date()");
    },
  }).visit(program);
}

function checkShape(file: SourceFile, program: ESTree.Program, report: Report): void {
  const lines = file.text.trimEnd().split("\n").length;
  if (lines > MAX_LINES && !file.path.startsWith("test/")) {
    report(0, `${lines} lines; split it, ${MAX_LINES} are the ceiling`);
  }
  const isSdk = file.path.startsWith("sdk/");
  const reExports = program.body.filter(
    (node) =>
      node.type === "ExportAllDeclaration" ||
      (node.type === "ExportNamedDeclaration" && node.source !== null),
  );
  const isBarrel =
    (reExports.length > 0 && reExports.length === program.body.length) ||
    /(^|\/)index\.ts$/.test(file.path);
  if (isBarrel && !isSdk) report(0, "a barrel; import from the files themselves");
}

function checkCasts(program: ESTree.Program, report: Report): void {
  new Visitor({
    TSAsExpression(node) {
      const inner = node.expression;
      if (inner.type === "TSAsExpression" && inner.typeAnnotation.type === "TSUnknownKeyword") {
        report(node.start, "as unknown as: say what it is, or narrow it");
      }
    },
  }).visit(program);
}
