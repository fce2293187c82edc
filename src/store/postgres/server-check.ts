/** What a PostgreSQL must be like for tasks to be safe in it. */
import { Client } from "pg";
import type { AgentlaneError } from "../../errors.ts";
import { misconfigured, toAgentlaneError, unavailable } from "./errors.ts";
import { APPLICATION_NAME, clientConfig } from "./pool.ts";
import { settle } from "./settings.ts";

/** The oldest whose statements and index columns the migrations use. */
const OLDEST_VERSION = 130_000;
const CONNECT_TIMEOUT_MS = 5000;

const SETTINGS = `SELECT current_setting('server_version_num')::integer AS version,
  current_setting('server_version') AS shown, pg_is_in_recovery() AS standby,
  current_setting('synchronous_commit') AS commits, current_setting('fsync') AS fsync,
  current_setting('server_encoding') AS encoding`;

export async function checkServer(
  url: string,
  onWarning: (message: string) => void,
): Promise<void> {
  await onConnection(url, async (client) => {
    const { rows } = await client.query(SETTINGS);
    const { version, shown, standby, commits, fsync, encoding } = rows[0];
    if (version < OLDEST_VERSION) {
      throw misconfigured(`PostgreSQL 13 or later is needed; STORE_URL is ${shown}`);
    }
    if (standby) throw misconfigured("STORE_URL names a standby; it must name the primary");
    if (encoding !== "UTF8") {
      throw misconfigured(`the database is in ${encoding}; create it with ENCODING 'UTF8'`);
    }
    if (commits === "off" || fsync === "off") {
      const setting = fsync === "off" ? "fsync" : "synchronous_commit";
      onWarning(
        `PostgreSQL does not wait for its disk: a crash loses tasks; set \`${setting} = on\``,
      );
    }
  });
}

/** A connection for what happens once; it has no time limit but for connecting. */
export async function onConnection<T>(
  url: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({ ...clientConfig(url), connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  // What breaks it is told by the statement that runs.
  client.on("error", () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw cannotConnect(client, error);
  }
  try {
    await settle(client, { applicationName: APPLICATION_NAME });
    return await work(client);
  } catch (error) {
    throw toAgentlaneError(error);
  } finally {
    await client.end();
  }
}

function cannotConnect({ host, port }: Client, error: unknown): AgentlaneError {
  const failure = toAgentlaneError(error);
  if (failure.kind === "failed_precondition") return failure;
  const cause = failure.cause instanceof Error ? failure.cause.message : failure.message;
  return unavailable(
    `cannot connect to PostgreSQL at ${host}:${port} (STORE_URL): ${cause}`,
    failure,
  );
}
