/**
 * The command table: a command is an entry with its name, options and operands, and everything that
 * is said about it (help, suggestions, completion) is made from the entry.
 */
import type { Operand, Option } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/** What a command may need of the process around it. */
export interface Context {
  readonly terminal: Terminal;
  /** The whole table. */
  readonly commands: readonly Command[];
  /** The variables of the environment, with what the command line sets on top. */
  readonly connection: (given: Readonly<Record<string, string>>) => ConnectionSettings;
}

/** How the server is reached; see the variables of the same names. */
export interface ConnectionSettings {
  readonly url: string;
  readonly apiKey: string | undefined;
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly timeoutMs: number;
}

export type Options = Readonly<Record<string, Option<unknown>>>;
export type Operands = Readonly<Record<string, Operand<unknown>>>;

type Values<T extends Options | Operands> = {
  readonly [K in keyof T]: T[K] extends { read(given: readonly string[], name: string): infer V }
    ? V
    : never;
};

export interface CommandSpec<O extends Options, P extends Operands, C> {
  /** One word, or a group and a word: "tasks show". A group's own name means its "list". */
  readonly name: string;
  /** For lists: a line, in the third person, without a full stop. */
  readonly summary: string;
  /** What the line leaves out. */
  readonly details?: string;
  readonly options: O;
  /** By name, in order; only the last may be given more than once. */
  readonly operands: P;
  /** Answers with the exit code. */
  run(given: Values<O> & Values<P>, context: C): Promise<number>;
}

/** What was given by name of option or operand; a flag as "true". */
export type Given = Readonly<Record<string, readonly string[]>>;

/** An entry, its types forgotten. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly details: string;
  readonly options: Options;
  readonly operands: Operands;
  run(given: Given, context: Context): Promise<number>;
}

export function defineCommand<const O extends Options, const P extends Operands>(
  spec: CommandSpec<O, P, Context>,
): Command {
  const { name, summary, details = "", options, operands } = spec;
  const run = (given: Given, context: Context): Promise<number> =>
    spec.run(valuesOf(spec, given), context);
  return { name, summary, details, options, operands, run };
}

/** Reads every value that is declared, given or not. */
export function valuesOf<O extends Options, P extends Operands>(
  { options, operands }: { readonly options: O; readonly operands: P },
  given: Given,
): Values<O> & Values<P> {
  return { ...readAll(options, given), ...readAll(operands, given) };
}

function readAll<T extends Options | Operands>(forms: T, given: Given): Values<T> {
  const entries = Object.entries(forms).map(([name, form]) => {
    const shown = "label" in form ? form.label : `--${name}`;
    return [name, form.read(given[name] ?? [], shown)];
  });
  return Object.fromEntries(entries) as Values<T>;
}
