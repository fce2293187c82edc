/** Forms of environment variables: how a value is read, and the row that describes it. */
import { z } from "zod";

export interface VariableMeta {
  /** As one would write it; undefined = not set. */
  readonly default: string | undefined;
  /** Completes "NAME must be …". */
  readonly expects: string;
  readonly example: string;
  readonly meaning: string;
  /** How it is shown: all of it hidden, or only the password of a URL. */
  readonly secret?: "value" | "password";
}

const metas = z.registry<VariableMeta>();

/** The table's row of a variable. */
export function variableMeta(schema: z.ZodType): VariableMeta {
  const meta = metas.get(schema);
  if (!meta) throw new TypeError("a variable without its row in the table");
  return meta;
}

type Described = Omit<VariableMeta, "default" | "example"> & { example?: string };

/** A variable with a default. */
export function preset<T>(schema: z.ZodType<T, string>, fallback: string, about: Described) {
  const variable = schema.prefault(fallback);
  metas.add(variable, { ...about, default: fallback, example: about.example ?? fallback });
  return variable;
}

/** A variable that may be absent. */
export function maybe<T>(schema: z.ZodType<T, string>, about: Described & { example: string }) {
  const variable = schema.optional();
  metas.add(variable, { ...about, default: undefined });
  return variable;
}

export const decimal = z.string().regex(/^\d+(\.\d+)?$/);

function duration(unitMs: number, unit: string, min: number, max: number) {
  return (fallback: string, meaning: string) =>
    preset(
      decimal
        .transform(Number)
        .pipe(z.number().min(min).max(max))
        .transform((value) => Math.round(value * unitMs)),
      fallback,
      { expects: `a number of ${unit} from ${min} to ${max}`, meaning },
    );
}

export const seconds = duration(1000, "seconds", 0.01, 31_536_000);
export const hours = duration(3_600_000, "hours", 0.01, 87_600);
export const milliseconds = duration(1, "milliseconds", 1, 3_600_000);

export function count(fallback: string, meaning: string, min = 1, max = 100_000_000) {
  return preset(
    z.string().regex(/^\d+$/).transform(Number).pipe(z.number().min(min).max(max)),
    fallback,
    { expects: `a whole number from ${min} to ${max}`, meaning },
  );
}

export function flag(fallback: "true" | "false", meaning: string) {
  const schema = z
    .enum(["true", "false", "1", "0"])
    .transform((text) => text === "true" || text === "1");
  return preset(schema, fallback, { expects: "true or false", meaning });
}

export function choice<const T extends string>(
  options: readonly T[],
  fallback: T,
  meaning: string,
) {
  return preset<T>(z.enum(options), fallback, { expects: `one of ${options.join(", ")}`, meaning });
}

export const names = z
  .string()
  .transform((text) => text.split(",").map((name) => name.trim()))
  .pipe(z.array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/)).min(1));

/** As browsers send them: without a path, and without the scheme's own port. */
export const origins = z
  .string()
  .transform((text) => text.split(",").map((origin) => origin.trim()))
  .pipe(z.array(z.string().refine((text) => URL.parse(text)?.origin === text)).min(1));

export const url = (protocol: RegExp) => z.url({ protocol });

/** `key=value,key=value`, values percent-encoded, as the OpenTelemetry specification has it. */
export const pairs = z
  .string()
  .regex(/^\s*[^=,\s]+\s*=[^,]*(,\s*[^=,\s]+\s*=[^,]*)*$/)
  .refine((text) => !/%(?![0-9a-f]{2})/i.test(text))
  .transform((text) =>
    Object.fromEntries(
      text.split(",").map((pair) => {
        const at = pair.indexOf("=");
        return [pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())];
      }),
    ),
  );

export const file = (meaning: string, example: string) =>
  maybe(z.string(), { expects: "the path of a file", example, meaning });
