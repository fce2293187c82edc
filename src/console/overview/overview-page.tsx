/** The installation at a glance. */
import { useEffect, useState } from "preact/hooks";
import { TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import { type LatencySample, percentilesOf, withTasks } from "../model/latency.ts";
import { usePolled } from "../services/hooks.ts";
import { useServices } from "../services/services.ts";
import { FailureNote, Loading, PageHead } from "../ui/parts.tsx";
import { useFigures } from "./figures-provider.tsx";
import { OverviewCharts } from "./overview-charts.tsx";
import { OverviewTables } from "./overview-tables.tsx";
import { OverviewTiles } from "./overview-tiles.tsx";

const SAMPLE_INTERVAL_MS = 5000;
/** Finished tasks in one look. */
const SAMPLE_SIZE = 100;
/** Of the percentiles in the tiles. */
const RECENT_MS = 5 * 60_000;

export function OverviewPage() {
  const { clock } = useServices();
  const { reading, samples, failure } = useFigures();
  const latency = useLatency();
  const since = clock.now() - RECENT_MS;
  const total = percentilesOf(latency, "totalMs", since);
  const wait = percentilesOf(latency, "waitMs", since);
  return (
    <>
      <PageHead title="Overview" />
      {failure && <FailureNote failure={failure} />}
      {!reading && !failure && <Loading what="the figures" />}
      {reading && (
        <>
          <OverviewTiles reading={reading} sample={samples.at(-1)} total={total} wait={wait} />
          <OverviewCharts samples={samples} latency={latency} />
          <OverviewTables reading={reading} />
        </>
      )}
    </>
  );
}

/** What has finished lately, as far as it was seen. */
function useLatency(): LatencySample {
  const { tasks, clock } = useServices();
  const [sample, setSample] = useState<LatencySample>(new Map());
  const { data } = usePolled(async (signal) => {
    const states = [TaskState.COMPLETED, TaskState.INPUT_REQUIRED, TaskState.FAILED];
    return (await tasks.listTasks({ states, pageSize: SAMPLE_SIZE }, { signal })).tasks;
  }, SAMPLE_INTERVAL_MS);
  useEffect(() => {
    if (data) setSample((before) => withTasks(before, data, clock.now()));
  }, [data, clock]);
  return sample;
}
