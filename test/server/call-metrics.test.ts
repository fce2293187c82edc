import { expect, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { METRICS } from "../../src/telemetry/metric-definitions.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { counted } from "../harness/counted.ts";
import {
  closeSession,
  EXECUTE,
  enveloped,
  executeRequest,
  grpcAnswer,
  openGrpc,
  openSession,
  postJson,
  STREAM_EXECUTE,
} from "./raw.ts";
import { startTestServer } from "./test-server.ts";

test.each([true, false])(
  "each call is counted once, with its outcome (nativeGrpc %s)",
  async (nativeGrpc) => {
    const metrics = createMetrics(systemClock);
    const { server, port, url } = await startTestServer({
      options: { nativeGrpc },
      parts: { metrics },
    });
    const session = await openSession(port);
    for (const path of [EXECUTE, STREAM_EXECUTE]) {
      const stream = openGrpc(session, path);
      stream.end(enveloped(executeRequest("echo")));
      await grpcAnswer(stream);
    }
    await postJson(url, EXECUTE, '{"agent_id":""}');
    await closeSession(session);
    await server.stop();
    expect(await counted(metrics, METRICS.callDuration)).toEqual({
      "grpc agentlane.v1.AgentService/Execute OK": 1,
      "grpc agentlane.v1.AgentService/StreamExecute OK": 1,
      "connectrpc agentlane.v1.AgentService/Execute INVALID_ARGUMENT INVALID_ARGUMENT": 1,
    });
  },
);
