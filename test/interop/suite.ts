/** Scenarios through clients against a server: what the interop tests have in common. */
import { afterAll, beforeAll, describe, test } from "vitest";
import type { InteropClient } from "./client.ts";
import { libraryClients } from "./library-clients.ts";
import { bufCurlClients, findGrpcurl, grpcurlClient } from "./program-clients.ts";
import type { Scenario } from "./scenarios.ts";

export const grpcurl = findGrpcurl();

/** Clients are made per server; what they are is known before. */
function clientsFor(url: string): InteropClient[] {
  const clients = [...libraryClients(url), ...bufCurlClients(url)];
  return grpcurl ? [...clients, grpcurlClient(url, grpcurl)] : clients;
}

export const allClients: readonly InteropClient[] = clientsFor("http://127.0.0.1:1");

export interface Subject {
  readonly url: string;
  stop(): Promise<void>;
}

/** `rest`: more tests of the same server. */
export function interopSuite(
  start: () => Promise<Subject>,
  kinds: readonly InteropClient[],
  scenarios: readonly Scenario[],
  rest: (url: () => string) => void = () => undefined,
): void {
  let subject: Subject;
  let clients: InteropClient[];

  beforeAll(async () => {
    subject = await start();
    clients = clientsFor(subject.url);
  });
  afterAll(async () => {
    for (const client of clients) await client.close();
    await subject.stop();
  });

  describe.concurrent.each(kinds)("$name", ({ name, lacks }) => {
    const able = scenarios.filter(({ needs }) => !needs.some((need) => lacks.includes(need)));
    test.each(able)("$name", async (scenario) => {
      const client = clients.find((candidate) => candidate.name === name);
      if (!client) throw new Error(`no client ${name}`);
      await scenario.run(client);
    });
  });
  rest(() => subject.url);
}
