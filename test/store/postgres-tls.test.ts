/** A PostgreSQL that takes nobody without TLS and a client certificate. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock, systemRandom } from "../../src/clock.ts";
import type { Store } from "../../src/store/contract.ts";
import { createPostgresStore } from "../../src/store/postgres/store.ts";
import { newTaskId, submission, TENANT } from "../harness/builders.ts";
import {
  hasPostgres,
  type PostgresServer,
  sql,
  startPostgres,
} from "../harness/postgres-server.ts";
import { createCertificates } from "../server/certificates.ts";

describe.runIf(hasPostgres)("the PostgreSQL store over TLS", () => {
  let server: PostgresServer;
  let folder = "";
  let url = "";
  beforeAll(async () => {
    server = await startPostgres({ tls: createCertificates() });
    url = await server.createDatabase();
    folder = await mkdtemp(join(tmpdir(), "agentlane-ca-"));
    await writeFile(join(folder, "other.crt"), createCertificates().ca);
  });
  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  function storeAt(at: string): Store {
    const now = { clock: systemClock, random: systemRandom };
    return createPostgresStore({ url: at, ...now, onWarning: () => undefined });
  }

  function changed(change: (query: URLSearchParams) => void): string {
    const at = new URL(url);
    change(at.searchParams);
    return at.href;
  }

  it("works when the URL names the authority, the certificate and its key", async () => {
    expect(url).toMatch(/\?sslmode=verify-full&sslrootcert=.*&sslcert=.*&sslkey=/);
    const store = storeAt(url);
    await store.start();
    const { task } = await store.tasks.create(submission());
    const ref = { tenant: TENANT, taskId: task.taskId };
    const request = { ref, workerId: "w1", claimId: newTaskId(), leaseMs: 1000, spanId: "" };
    expect((await store.tasks.claim(request)).claim).toBeDefined();
    const [row] = await sql(
      url,
      "SELECT bool_and(ssl) AS encrypted, count(*)::integer AS count FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.application_name LIKE 'agentlane-%'",
    );
    expect(row?.encrypted).toBe(true);
    expect(row?.count).toBeGreaterThan(0);
    await store.stop();
  });

  it("refuses a server of another authority, and says why", async () => {
    const other = join(folder, "other.crt");
    const store = storeAt(changed((query) => query.set("sslrootcert", other)));
    await expect(store.start()).rejects.toThrow(
      /cannot connect to PostgreSQL at 127\.0\.0\.1:\d+ \(STORE_URL\): .*certificate/,
    );
  });

  it("is refused without TLS, and without a certificate", async () => {
    const plain = storeAt(changed((query) => query.set("sslmode", "disable")));
    await expect(plain.start()).rejects.toMatchObject({
      kind: "failed_precondition",
      message: expect.stringContaining("pg_hba.conf"),
    });
    const nameless = changed((query) => {
      query.delete("sslcert");
      query.delete("sslkey");
    });
    await expect(storeAt(nameless).start()).rejects.toMatchObject({ kind: "failed_precondition" });
  });
});
