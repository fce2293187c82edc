/** A ConnectError as gRPC's trailers. */
import type { OutgoingHttpHeaders } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import type { ConnectError } from "@connectrpc/connect";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.js";

export const STATUS_OK: OutgoingHttpHeaders = { "grpc-status": "0" };

export function errorTrailers(error: ConnectError): OutgoingHttpHeaders {
  const { code, rawMessage: message } = error;
  const details = error.details.map((detail) =>
    "desc" in detail
      ? anyPack(detail.desc, create(detail.desc, detail.value))
      : { typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value },
  );
  const status = toBinary(StatusSchema, create(StatusSchema, { code, message, details }));
  return {
    "grpc-status": String(code),
    "grpc-message": percentEncoded(message),
    "grpc-status-details-bin": Buffer.from(status).toString("base64").replace(/=+$/, ""),
  };
}

/**
 * Leaves what gRPC lets stand (printable ASCII but %), so that clients which decode less than all
 * show readable messages. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export function percentEncoded(text: string): string {
  return text.toWellFormed().replace(/[^ -$&-~]+/g, encodeURIComponent);
}
