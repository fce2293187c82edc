/** The open HTTP/2 connections: ended when nothing moves, when a reply is not read, when calls are reset too often. */
import type { IncomingHttpHeaders } from "node:http";
import { constants, type Http2Server, type Http2Session, type Http2Stream } from "node:http2";
import type { Clock } from "../clock.ts";
import { isOffence, type Offenders } from "./offenders.ts";
import { announcedTimeoutMs } from "./protocol.ts";

/**
 * Rapid reset (CVE-2023-44487): this many early resets of a connection at once, then one in this time. A
 * client that gives up all of its calls twice is let be.
 */
const RESET_BURST = 200;
const RESET_INTERVAL_MS = 30;
/** A call given up later is a client whose time was up; how many those are, the concurrent ones limit. */
const EARLY_MS = 1_000;
/** Nor is one early that had less time and has had it, but for this much: clocks and networks differ. */
const TIMEOUT_SLACK_MS = 100;
/** However little time a call had: within this, whoever gives it up is early. */
const MIN_EARLY_MS = 100;

/**
 * Keeps the open sessions. When nothing has moved on one for the idle time, it ends: politely
 * without a call, at once with a reply that the client does not read. Silent calls go on.
 */
export function trackSessions(
  http2: Http2Server,
  idleTimeoutMs: number,
  offenders: Offenders,
  clock: Clock,
): ReadonlySet<Http2Session> {
  const sessions = new Set<Http2Session>();
  http2.on("session", (session) => {
    const streams = new Set<Http2Stream>();
    const address = session.socket.remoteAddress ?? "";
    const isTooOften = resetCounter(clock);
    sessions.add(session);
    session.on("stream", (stream, headers) => {
      const earlyMs = earlyMsOf(headers);
      const openedAt = clock.monotonic();
      streams.add(stream);
      stream.once("close", () => {
        streams.delete(stream);
        if (stream.rstCode === constants.NGHTTP2_NO_ERROR || session.destroyed) return;
        if (clock.monotonic() - openedAt >= earlyMs || !isTooOften()) return;
        // Here rather than by nghttp2, whose limit counts only from the next read on: one read brings
        // hundreds of calls, and what this one has left is dropped now.
        offenders.take(address);
        session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
      });
    });
    session.on("error", (error) => {
      if (isOffence(error)) offenders.take(address);
    });
    session.setTimeout(idleTimeoutMs, () => {
      if (streams.size === 0) session.close();
      else if ([...streams].some(hasUnsent)) session.destroy();
      else session.setTimeout(idleTimeoutMs);
    });
    session.once("close", () => sessions.delete(session));
  });
  // Broken frames and resets by the peer; the session closes itself.
  http2.on("sessionError", () => undefined);
  return sessions;
}

function earlyMsOf(headers: IncomingHttpHeaders): number {
  const timeoutMs = announcedTimeoutMs(headers) ?? EARLY_MS + TIMEOUT_SLACK_MS;
  return Math.max(MIN_EARLY_MS, Math.min(EARLY_MS, timeoutMs - TIMEOUT_SLACK_MS));
}

/** Counts a reset, and says whether there were too many: a bucket, kept as the instant when it is full. */
function resetCounter(clock: Clock): () => boolean {
  let fullAt = Number.NEGATIVE_INFINITY;
  return () => {
    const nowMs = clock.monotonic();
    fullAt = Math.max(fullAt, nowMs) + RESET_INTERVAL_MS;
    return fullAt - nowMs > RESET_BURST * RESET_INTERVAL_MS;
  };
}

function hasUnsent(stream: Http2Stream): boolean {
  return stream.writableLength > 0;
}
