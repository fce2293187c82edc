/** An OTLP collector that takes everything and keeps nothing. */
import { once } from "node:events";
import { createServer } from "node:http";

const server = createServer((request, response) => {
  request.resume();
  request.once("end", () => response.writeHead(200).end());
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
const address = server.address();
process.send?.({ port: typeof address === "object" ? (address?.port ?? 0) : 0 });
