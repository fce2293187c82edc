// Asks the server of this container whether its loop turns; exit code 0 = it does. It may have TLS
// with a certificate for another name, and want one of us: then a finished handshake is the answer.
import { get } from "node:http";
import { connect } from "node:tls";

const port = Number(process.env.PORT || 50051);
const host = "127.0.0.1";
const end = (isAlive) => process.exit(isAlive ? 0 : 1);

setTimeout(end, 2500, false);
if (process.env.TLS_CERT) {
  connect({ host, port, rejectUnauthorized: false }, () => end(true)).on("error", () => end(false));
} else {
  get({ host, port, path: "/livez" }, (answer) => end(answer.statusCode === 200)).on("error", () =>
    end(false),
  );
}
