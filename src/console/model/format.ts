/** Figures and instants as people read them. */
import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";

/** Unix ms; undefined stays undefined. */
export function atMs(timestamp: Timestamp | undefined): number | undefined {
  if (!timestamp) return undefined;
  return Number(timestamp.seconds) * 1000 + timestamp.nanos / 1e6;
}

export function durationMs(duration: Duration | undefined): number | undefined {
  if (!duration) return undefined;
  return Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}

/** Between two instants, never negative; undefined while one is missing. */
export function between(from: Timestamp | undefined, to: Timestamp | undefined) {
  const [start, end] = [atMs(from), atMs(to)];
  return start === undefined || end === undefined ? undefined : Math.max(0, end - start);
}

/** "0.4 ms", "12 ms", "3.4 s", "2 min 5 s", "3 h 12 min", "4 d 2 h"; "–" for undefined. */
export function formatDuration(ms: number | undefined): string {
  if (ms === undefined || Number.isNaN(ms)) return "–";
  if (ms < 1) return ms === 0 ? "0 ms" : `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${trimmed(ms / 1000, ms < 9995 ? 2 : 1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return pair(Math.floor(seconds / 60), "min", seconds % 60, "s");
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return pair(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.round(minutes / 60);
  return pair(Math.floor(hours / 24), "d", hours % 24, "h");
}

function pair(first: number, firstUnit: string, second: number, secondUnit: string): string {
  return second === 0 ? `${first} ${firstUnit}` : `${first} ${firstUnit} ${second} ${secondUnit}`;
}

function trimmed(value: number, digits: number): string {
  return value.toFixed(digits).replace(/\.?0+$/, "");
}

/** "just now", "12 s ago", "5 min ago", "in 3 s"; "–" for undefined. */
export function formatAgo(at: number | undefined, now: number): string {
  if (at === undefined) return "–";
  const ms = now - at;
  if (Math.abs(ms) < 1000) return "just now";
  const text = coarse(Math.abs(ms));
  return ms > 0 ? `${text} ago` : `in ${text}`;
}

function coarse(ms: number): string {
  const units: readonly (readonly [number, string])[] = [
    [86_400_000, "d"],
    [3_600_000, "h"],
    [60_000, "min"],
    [1000, "s"],
  ];
  const [size, unit] = units.find(([unitMs]) => ms >= unitMs) ?? [1000, "s"];
  return `${Math.floor(ms / size)} ${unit}`;
}

/** In the user's zone, to the millisecond: "2026-11-30 20:21:01.123". */
export function formatInstant(at: number | undefined): string {
  if (at === undefined) return "–";
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${formatTime(at)}`;
}

/** "20:21:01.123". */
export function formatTime(at: number): string {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, "0");
  const ms = String(date.getMilliseconds()).padStart(3, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
}

/** "1,234", "12.3 k", "4.5 M". */
export function formatCount(value: number | bigint | undefined): string {
  if (value === undefined) return "–";
  const count = Number(value);
  if (count < 10_000) return count.toLocaleString("en-US");
  if (count < 1_000_000) return `${trimmed(count / 1000, 1)} k`;
  return `${trimmed(count / 1_000_000, 1)} M`;
}

/** "0", "0.25", "3.1", "120". */
export function formatRate(perSecond: number | undefined): string {
  if (perSecond === undefined || Number.isNaN(perSecond)) return "–";
  if (perSecond === 0) return "0";
  if (perSecond < 1) return trimmed(perSecond, 2);
  return perSecond < 100 ? trimmed(perSecond, 1) : formatCount(Math.round(perSecond));
}

/** The beginning of a long id, which is enough to tell a few apart: their ends differ, too. */
export function shortId(id: string): string {
  return id.length <= 14 ? id : `${id.slice(0, 4)}…${id.slice(-8)}`;
}
