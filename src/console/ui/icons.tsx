/** Line icons, 20 × 20, in the colour of the text around them. */
const PATHS = {
  overview: "M3 15l4-5 3 3 6-8M3 17.5h14",
  tasks: "M4 5h12M4 10h12M4 15h7",
  sessions: "M4 4.5h12v8.5H9l-3.5 3v-3H4z",
  "dead-letters": "M10 3.5l7 12.5H3zM10 8.2v3.6M10 13.8v.2",
  agents:
    "M6 7h8a2 2 0 012 2v4a2 2 0 01-2 2H6a2 2 0 01-2-2V9a2 2 0 012-2zM10 7V4M8 10.5v1.2M12 10.5v1.2",
  playground: "M5 4l11 6-11 6z",
  key: "M12.5 7.5a3 3 0 11-2.2 5L4 16.5v-3h2v-2h2l1.3-1.6",
  sun: "M10 6.5a3.5 3.5 0 110 7 3.5 3.5 0 010-7M10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.5 4.5l1 1M14.5 14.5l1 1M4.5 15.5l1-1M14.5 5.5l1-1",
  moon: "M16 11.5A6.5 6.5 0 018.5 4a6.5 6.5 0 107.5 7.5z",
  system: "M3 4.5h14v9H3zM7.5 16.5h5M10 13.5v3",
  copy: "M7 7h9v9H7zM4 13V4h9",
  check: "M4 10.5l4 4 8-9",
  close: "M5 5l10 10M15 5L5 15",
  chevron: "M7 5l5 5-5 5",
  send: "M4 10h11M11 5.5l4.5 4.5-4.5 4.5",
  stop: "M6 6h8v8H6z",
  tool: "M12.5 4a3.5 3.5 0 00-3.3 4.6L4 13.8 6.2 16l5.2-5.2A3.5 3.5 0 0016 6.5l-2.2 2-2-.3-.3-2z",
  refresh: "M15.5 10a5.5 5.5 0 11-1.6-3.9M14 3v3.2h-3.2",
  plus: "M10 4v12M4 10h12",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
