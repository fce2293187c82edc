export type SeededRandom = () => number;

/** Uniform in [from, to]. */
export function between(random: SeededRandom, from: number, to: number): number {
  return from + random() * (to - from);
}

/** mulberry32. Each part of a run has its own stream, so that one part's timing moves no other's. */
export function seededRandom(seed: number, stream: string): SeededRandom {
  let state = seed;
  for (const character of stream) state = Math.imul(state ^ character.charCodeAt(0), 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
