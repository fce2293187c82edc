/** Asks, then shows how far it is, then what came of it. */
import { useEffect, useRef, useState } from "preact/hooks";
import { formatCount } from "../model/format.ts";
import { useAction } from "../services/hooks.ts";
import { useServices } from "../services/services.ts";
import { Dialog } from "../ui/dialog.tsx";
import { Button, FailureNote } from "../ui/parts.tsx";
import { type BulkKind, type BulkProgress, type Selection, workOnAll } from "./bulk-work.ts";

const TEXTS = {
  redrive: {
    title: "Redrive",
    action: "Redrive",
    what: "They go to the end of their sessions' lanes, their attempts counted anew.",
    done: "sent back",
  },
  purge: {
    title: "Delete",
    action: "Delete for good",
    what: "The tasks and their logs are gone then. This cannot be undone.",
    done: "deleted",
  },
} as const;

interface BulkDialogProps {
  readonly kind: BulkKind;
  readonly selection: Selection;
  readonly count: number;
  readonly onClose: () => void;
}

export function BulkDialog({ kind, selection, count, onClose }: BulkDialogProps) {
  const services = useServices();
  const texts = TEXTS[kind];
  const stop = useRef(new AbortController());
  const [progress, setProgress] = useState<BulkProgress>();
  const [finished, setFinished] = useState(false);
  useEffect(() => () => stop.current.abort(), []);
  const work = useAction(async () => {
    stop.current = new AbortController();
    const { signal } = stop.current;
    setProgress({ done: 0, total: count, skipped: 0 });
    setProgress(await workOnAll(services, kind, selection, setProgress, signal));
    setFinished(true);
  });
  const letters = `${formatCount(count)} dead ${count === 1 ? "letter" : "letters"}`;
  return (
    <Dialog title={`${texts.title} ${letters}${finished ? "" : "?"}`} onClose={onClose}>
      <div class="dialog-body">
        {!progress && <p>{texts.what}</p>}
        {progress && (
          <>
            <progress
              aria-label="How far it is"
              max={Math.max(1, progress.total)}
              value={finished ? Math.max(1, progress.total) : progress.done}
            />
            <p role="status">
              {formatCount(progress.done - progress.skipped)}{" "}
              {finished ? `${texts.done}.` : `of ${formatCount(progress.total)} ${texts.done}…`}
              {progress.skipped > 0 &&
                ` ${formatCount(progress.skipped)} were no dead letters any more.`}
            </p>
          </>
        )}
      </div>
      {work.failure && <FailureNote failure={work.failure} />}
      <div class="dialog-foot">
        {work.busy && <Button onClick={() => stop.current.abort()}>Stop here</Button>}
        {finished && (
          <Button kind="primary" onClick={onClose}>
            Done
          </Button>
        )}
        {!work.busy && !finished && (
          <>
            <Button onClick={onClose}>Back</Button>
            <Button kind={kind === "purge" ? "danger" : "primary"} onClick={work.run}>
              {texts.action}
            </Button>
          </>
        )}
      </div>
    </Dialog>
  );
}
