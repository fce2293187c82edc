/**
 * What every connection is told when it is new. By a statement, not as it connects: PgBouncer refuses
 * most of it there, and `options` in the URL would replace it.
 */
import type { ClientBase } from "pg";

/** Every statement of ours goes from a few rows to others by an index. */
const AVOIDED_PLANS = ["enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit"];

const SETTINGS: Readonly<Record<string, string>> = {
  // Functions lock first, then look at what others have committed meanwhile.
  default_transaction_isolation: "read committed",
  // As reply.ts and the functions write and read bytes.
  bytea_output: "hex",
  standard_conforming_strings: "on",
  // The server keeps plans from the first calls on, when tables are empty and reading them whole looks
  // cheap; they must not stay so when tables have grown.
  plan_cache_mode: "force_generic_plan",
  ...Object.fromEntries(AVOIDED_PLANS.map((setting) => [setting, "off"])),
};

/** Of the same role, so that its activity may be seen. */
const BUSY = `(SELECT count(*)::integer FROM pg_stat_activity
  WHERE application_name = $1 AND state = 'active' AND pid <> pg_backend_pid())`;

export interface SettleOptions {
  /** What the server shows of its connections. */
  readonly applicationName: string;
  /** More settings, by name. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The statement fails after this. */
  readonly timeoutMs?: number;
}

/** Answers how many other connections of that name are at work. */
export async function settle(client: ClientBase, options: SettleOptions): Promise<number> {
  const settings = { ...SETTINGS, ...options.settings };
  const changes = Object.entries(settings).map(([name, value]) => {
    return `set_config('${name}', '${value}', false)`;
  });
  const { rows } = await client.query({
    text: `SELECT ${BUSY} AS busy, set_config('application_name', $1, false), ${changes.join(", ")}`,
    values: [options.applicationName],
    ...(options.timeoutMs !== undefined && { query_timeout: options.timeoutMs }),
  });
  return rows[0].busy;
}
