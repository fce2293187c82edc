/** Bounds the nesting of a JSON text, and how much is in it, before anything is built from it. */
import { AgentlaneError } from "../errors.ts";

/**
 * Objects, lists and values of a request: each costs some hundred bytes of memory once it is built, and
 * four of the body, or two in binary.
 */
export const MAX_VALUE_COUNT = 200_000;

const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** `bytes` are UTF-8, in which these bytes mean nothing but these characters. */
export function assertJsonSize(bytes: Uint8Array, maxDepth: number): void {
  let depth = 0;
  let valueCount = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (inString) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) {
      inString = true;
    } else if (byte === COMMA) {
      if (++valueCount > MAX_VALUE_COUNT) throw tooManyValues();
    } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      if (++depth > maxDepth) throw tooDeep(maxDepth);
      if (++valueCount > MAX_VALUE_COUNT) throw tooManyValues();
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
      depth--;
    }
  }
}

function tooDeep(maxDepth: number): AgentlaneError {
  return new AgentlaneError(
    "invalid_argument",
    "TOO_DEEP",
    `the request body is nested deeper than ${maxDepth} levels`,
  );
}

export function tooManyValues(): AgentlaneError {
  return new AgentlaneError(
    "invalid_argument",
    "TOO_MANY_VALUES",
    `the request has more than ${MAX_VALUE_COUNT} objects, lists and values: send large data as bytes or text`,
  );
}
