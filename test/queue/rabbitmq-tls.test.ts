/** A RabbitMQ behind TLS. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AgentService, ExecuteRequestSchema } from "../../gen/agentlane/v1/agent_service_pb.js";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { createRabbitQueue } from "../../src/queue/rabbitmq/queue.ts";
import { AGENT, userMessage } from "../harness/builders.ts";
import { hasPostgres, type PostgresServer, startPostgres } from "../harness/postgres-server.ts";
import { serve } from "../harness/process.ts";
import { hasRabbit, type RabbitServer, startRabbit } from "../harness/rabbitmq-server.ts";
import { createCertificates } from "../server/certificates.ts";

describe.runIf(hasRabbit && hasPostgres)("RabbitMQ and PostgreSQL over TLS", () => {
  const certificates = createCertificates();
  let rabbit: RabbitServer;
  let postgres: PostgresServer;
  let folder = "";
  beforeAll(async () => {
    [rabbit, postgres] = await Promise.all([
      startRabbit({ tls: certificates }),
      startPostgres({ tls: certificates }),
    ]);
    folder = await mkdtemp(join(tmpdir(), "agentlane-ca-"));
  });
  afterAll(async () => {
    await Promise.all([rabbit?.stop(), postgres?.stop()]);
    await rm(folder, { recursive: true });
  });

  it("the queue refuses a certificate of an unknown authority, and says what to do", async () => {
    const shared = { prefix: "tls", clock: systemClock, random: systemRandom };
    const queue = createRabbitQueue({ url: rabbit.tlsUrl, ...shared });
    await expect(queue.start()).rejects.toMatchObject({
      kind: "failed_precondition",
      reason: "RABBITMQ_DISTRUSTED",
      message: expect.stringContaining("NODE_EXTRA_CA_CERTS"),
    });
    await queue.stop();
  });

  it("a process runs a turn when it trusts both", { timeout: 60_000 }, async () => {
    const authority = join(folder, "ca.pem");
    await writeFile(authority, certificates.ca);
    // Node reads the variable when it starts.
    const serving = await serve([], {
      MESSAGE_QUEUE_TYPE: "rabbitmq",
      RABBITMQ_URL: rabbit.tlsUrl,
      STORE_URL: await postgres.createDatabase(),
      NODE_EXTRA_CA_CERTS: authority,
    });
    try {
      const transport = createGrpcTransport({ baseUrl: `http://${serving.address}` });
      const messages = [userMessage("hello")];
      const request = create(ExecuteRequestSchema, { agentId: AGENT, sessionId: "s1", messages });
      const { state } = await createClient(AgentService, transport).execute(request);
      expect(state).toBe(TaskState.COMPLETED);
      const encrypted = await rabbit.evaluate(
        "[proplists:get_value(ssl, I) || I <- rabbit_networking:connection_info_all([ssl])]",
      );
      expect(encrypted).toMatch(/\{ok, \[(true,? ?){3,}\]\}/);
    } finally {
      serving.kill("SIGKILL");
      await serving.exited;
    }
  });
});
