/** The last minutes as lines. */
import type { Sample } from "../model/figures.ts";
import { formatCount, formatDuration, formatRate } from "../model/format.ts";
import { type LatencySample, latencyPoints } from "../model/latency.ts";
import { useServices } from "../services/services.ts";
import { Chart } from "../ui/chart.tsx";
import { useParameters } from "../ui/navigation.tsx";

/** Minutes that can be shown. */
const SPANS = [5, 15, 30] as const;

interface OverviewChartsProps {
  readonly samples: readonly Sample[];
  readonly latency: LatencySample;
}

export function OverviewCharts({ samples, latency }: OverviewChartsProps) {
  const { clock } = useServices();
  const parameters = useParameters();
  const minutes = SPANS.find((span) => String(span) === parameters.get("minutes")) ?? SPANS[0];
  const end = samples.at(-1)?.time ?? clock.now() / 1000;
  const range = [end - minutes * 60, end] as const;
  const times = samples.map(({ time }) => time);
  const points = latencyPoints(latency, end * 1000, minutes * 2000);
  const shared = { range, times };
  return (
    <>
      <fieldset class="segments">
        <legend class="sr-only">Time shown</legend>
        {SPANS.map((span) => (
          <label key={span}>
            <input
              type="radio"
              name="minutes"
              checked={span === minutes}
              onChange={() => parameters.set({ minutes: String(span) })}
            />
            <span>{span} min</span>
          </label>
        ))}
      </fieldset>
      <div class="charts">
        <Chart
          {...shared}
          title="Throughput"
          hint="tasks per second"
          format={formatRate}
          lines={[
            {
              label: "completed",
              color: "accent",
              filled: true,
              values: samples.map((s) => s.completedRate),
            },
            { label: "failed", color: "bad", values: samples.map((s) => s.failedRate) },
          ]}
        />
        <Chart
          {...shared}
          title="Queue depth"
          hint="tasks"
          format={formatCount}
          lines={[
            {
              label: "ready",
              color: "accent",
              filled: true,
              values: samples.map((s) => s.pending),
            },
            { label: "waiting", color: "warn", values: samples.map((s) => s.waiting) },
          ]}
        />
        <Chart
          range={range}
          times={points.map(({ time }) => time)}
          spanGaps
          title="Latency"
          hint="accept to end, of a sample"
          format={formatDuration}
          lines={[
            { label: "p50", color: "good", values: points.map(({ p50 }) => p50) },
            { label: "p95", color: "accent", values: points.map(({ p95 }) => p95) },
            { label: "p99", color: "ask", values: points.map(({ p99 }) => p99) },
          ]}
        />
        <Chart
          {...shared}
          title="Load"
          hint="slots and instances"
          format={formatCount}
          lines={[
            {
              label: "running",
              color: "accent",
              filled: true,
              values: samples.map((s) => s.running),
            },
            { label: "slots", color: "quiet", stepped: true, values: samples.map((s) => s.slots) },
            { label: "instances", color: "good", values: samples.map((s) => s.instances) },
          ]}
        />
      </div>
    </>
  );
}
