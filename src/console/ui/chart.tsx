/** Lines over time, drawn by uPlot; what the pointer is on is in the legend. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { formatTime } from "../model/format.ts";
import { Card } from "./parts.tsx";
import { useThemeChange } from "./theme.tsx";

export interface Line {
  readonly label: string;
  /** Of the custom properties --line-…. */
  readonly color: "accent" | "good" | "bad" | "warn" | "ask" | "quiet";
  readonly values: readonly (number | null)[];
  readonly filled?: boolean;
  readonly stepped?: boolean;
}

interface ChartProps {
  readonly title: string;
  readonly hint?: string;
  /** Unix seconds. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  /** Unix seconds: the time shown, whatever there is of it. */
  readonly range: readonly [number, number];
  /** Points that lie apart are joined. */
  readonly spanGaps?: boolean;
}

const HEIGHT = 168;

export function Chart(props: ChartProps) {
  const { title, hint, times, lines, format } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const [at, setAt] = useState<number>();
  const [theme, setTheme] = useState(0);
  useThemeChange(useCallback(() => setTheme((before) => before + 1), []));
  const shape = lines.map(({ label }) => label).join();

  // A new one when its colours or lines change.
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const created = new uPlot(optionsOf(element, latest, setAt), dataOf(latest.current), element);
    plot.current = created;
    const resize = new ResizeObserver(() => {
      created.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    resize.observe(element);
    return () => {
      resize.disconnect();
      created.destroy();
      plot.current = undefined;
    };
  }, [theme, shape]);

  useEffect(() => {
    plot.current?.setData(dataOf(props));
  }, [props]);

  const index = at ?? times.length - 1;
  return (
    <Card title={title} hint={hint}>
      <ul class="legend">
        {lines.map(({ label, color, values }) => {
          const value = values[index] ?? undefined;
          return (
            <li key={label}>
              <span class={`swatch line-${color}`} />
              {label} <strong>{value === undefined ? "–" : format(value)}</strong>
            </li>
          );
        })}
      </ul>
      <div class="chart" ref={box} aria-hidden="true" />
    </Card>
  );
}

function dataOf({ times, lines }: ChartProps): uPlot.AlignedData {
  return [[...times], ...lines.map(({ values }) => [...values])];
}

function optionsOf(
  element: HTMLElement,
  latest: { readonly current: ChartProps },
  setAt: (index: number | undefined) => void,
): uPlot.Options {
  const style = getComputedStyle(element);
  const colorOf = (name: string): string => resolved(element, `var(--${name})`);
  const axis: uPlot.Axis = {
    stroke: colorOf("text-muted"),
    grid: { stroke: colorOf("border"), width: 1 },
    ticks: { show: false },
    font: `11px ${style.fontFamily}`,
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [8, 6, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: {
      x: { time: true, range: () => [...latest.current.range] },
      y: { range: (_plot, _min, max) => [0, Math.max(niceTop(max), 1e-3)] },
    },
    axes: [
      { ...axis, space: 80, size: 28, values: (_plot, splits) => splits.map(clockTime) },
      { ...axis, size: 56, values: (_plot, splits) => splits.map((v) => latest.current.format(v)) },
    ],
    series: [
      {},
      ...latest.current.lines.map(({ label, color, filled = false, stepped = false }) => ({
        label,
        stroke: colorOf(`line-${color}`),
        width: 2,
        spanGaps: latest.current.spanGaps ?? false,
        points: { show: latest.current.spanGaps ?? false, size: 5 },
        ...(filled ? { fill: colorOf(`fill-${color}`) } : {}),
        ...(stepped && uPlot.paths.stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
      })),
    ],
    hooks: { setCursor: [(plot) => setAt(plot.cursor.idx ?? undefined)] },
  };
}

/** "20:21", or "20:21:30" between minutes; `time` in Unix seconds. */
function clockTime(time: number): string {
  const text = formatTime(time * 1000);
  return text.slice(0, time % 60 === 0 ? 5 : 8);
}

/** Room above the highest value. */
function niceTop(max: number | null): number {
  return max === null || max <= 0 ? 1 : max * 1.15;
}

/** A custom property as a colour that a canvas understands. */
function resolved(element: HTMLElement, color: string): string {
  const probe = document.createElement("span");
  probe.style.color = color;
  element.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}
