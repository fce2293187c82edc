/** The Prometheus endpoint: one page on a port of its own. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type Service, service } from "../lifecycle.ts";
import type { Logger } from "./logging.ts";
import type { PrometheusOptions } from "./metrics-export.ts";

/** Registered for OpenTelemetry's Prometheus exporters. */
export const DEFAULT_METRICS_PORT = 9464;
const PATH = "/metrics";
const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";
/** A Prometheus or two, and a person who looks. */
const MAX_CONNECTIONS = 32;
const REQUEST_TIMEOUT_MS = 10_000;

export interface MetricsPage extends Service {
  address(): { host: string; port: number } | undefined;
}

export function createMetricsPage(
  options: PrometheusOptions,
  logger: Logger,
  render: () => Promise<string>,
): MetricsPage {
  let server: Server | undefined;

  async function open(port: number): Promise<Server> {
    const opening = createServer({
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: REQUEST_TIMEOUT_MS,
    });
    opening.maxConnections = MAX_CONNECTIONS;
    opening.on("request", (request, response) => {
      const path = (request.url ?? "").split("?", 1)[0];
      const isRead = request.method === "GET" || request.method === "HEAD";
      if (path !== PATH || !isRead) {
        response.writeHead(path === PATH ? 405 : 404, { "content-type": "text/plain" });
        response.end(`metrics are read with GET ${PATH}\n`);
        return;
      }
      render().then(
        (text) => response.writeHead(200, { "content-type": CONTENT_TYPE }).end(text),
        (error: unknown) => {
          logger.warn("metrics could not be collected", { error });
          response.writeHead(500, { "content-type": "text/plain" }).end("not collected\n");
        },
      );
    });
    opening.listen(port, options.host);
    await once(opening, "listening");
    // It must not keep a process alive that has nothing else to do.
    opening.unref();
    return opening;
  }

  /** Several processes of one machine start with the same settings: only one can have the default. */
  async function openSomewhere(): Promise<Server> {
    if (options.port !== undefined) return open(options.port);
    try {
      return await open(DEFAULT_METRICS_PORT);
    } catch (error) {
      if (!isTaken(error)) throw error;
      return open(0);
    }
  }

  function address(): { host: string; port: number } | undefined {
    const bound = server?.address();
    if (bound === null || bound === undefined || typeof bound === "string") return undefined;
    return { host: options.host, port: bound.port };
  }

  return {
    ...service(
      async () => {
        server = await openSomewhere();
        logger.info("metrics", { ...address(), path: PATH });
      },
      async () => {
        const closing = server;
        server = undefined;
        closing?.closeAllConnections();
        if (closing?.listening) await new Promise((resolve) => closing.close(resolve));
      },
    ),
    address,
  };
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}
