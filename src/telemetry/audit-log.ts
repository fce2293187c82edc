/** The audit log: who did what to which, a JSON line each, never content. docs/audit.md. */
import { openSync } from "node:fs";
import { type DestinationStream, destination, pino, stdTimeFunctions } from "pino";
import { invalidField } from "../errors.ts";
import { type Service, service } from "../lifecycle.ts";

export interface AuditRecord {
  readonly principal: {
    readonly subject: string;
    readonly tenant: string;
    /** The kind of its credential, with which the subject begins. */
    readonly scheme: string;
  };
  /** What was asked for, e.g. `task.submit`. */
  readonly action: string;
  /** The RPC or route. */
  readonly call: string;
  /** Ids that the request and its answer name. */
  readonly target: Readonly<Record<string, unknown>>;
  /** `OK`, or the code of the refusal. */
  readonly result: string;
  /** Of the refusal, as clients are told. */
  readonly reason?: string;
  /** The IP address of the other end of the connection. */
  readonly peer: string;
  readonly trace_id?: string;
}

export interface AuditLog extends Service {
  write(record: AuditRecord): void;
  /** Whether audited calls are to be refused now: lines cannot be written, and nothing is to go unseen. */
  readonly isClosed: boolean;
}

export interface AuditLogOptions {
  /** A file that lines are appended to, or "-" for standard output or error. */
  readonly path: string;
  /** What "-" is. Default 1, standard output. */
  readonly standardFd?: 1 | 2;
  /** What happens while lines cannot be written: calls go on, or audited ones are refused. */
  readonly onFailure: "report" | "refuse";
  /** Told when writing begins to fail and when it works again, and of lines that were lost. */
  readonly onProblem: (message: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** Lines that wait for the file at most, in bytes: some 30,000. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

type Output = ReturnType<typeof destination>;

export function createAuditLog(options: AuditLogOptions): AuditLog {
  const { path, standardFd = 1, onFailure, onProblem } = options;
  let output: Output | undefined;
  let isFailing = false;
  let lostCount = 0;

  const open = (): Output => {
    const isStandard = path === "-";
    const fd = isStandard ? standardFd : openFile(path);
    const opened = destination({ dest: fd, sync: isStandard, maxLength: MAX_WAITING_BYTES });
    opened.on("error", (error: unknown) => {
      if (!isFailing) onProblem("the audit log cannot be written", { error, path });
      isFailing = true;
    });
    opened.on("write", () => {
      if (isFailing) onProblem("the audit log is written again", { path, lostCount });
      isFailing = false;
      lostCount = 0;
    });
    opened.on("drop", () => {
      lostCount++;
    });
    return opened;
  };

  const lines: DestinationStream = { write: (line) => void output?.write(line) };
  const logger = pino(
    {
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      // In the place of a level, which an action has not.
      formatters: { level: () => ({ audit: true }) },
    },
    lines,
  );

  return {
    write: (record) => logger.info(record),
    get isClosed() {
      return onFailure === "refuse" && isFailing;
    },
    ...service(
      async () => {
        output = open();
      },
      async () => {
        const ending = output;
        output = undefined;
        if (ending && !(await isWritten(ending))) {
          onProblem("the last lines of the audit log could not be written", { path, lostCount });
        }
      },
    ),
  };
}

/** Readable by the user of this process only: it says who did what. */
function openFile(path: string): number {
  try {
    return openSync(path, "a", 0o600);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw invalidField("AUDIT_LOG", `${path} cannot be opened: ${reason}`);
  }
}

/** Ends it; answers whether all that was waiting has been written. */
function isWritten(output: Output): Promise<boolean> {
  return new Promise((resolve) => {
    output.on("close", () => resolve(true));
    output.on("error", () => {
      output.destroy();
      resolve(false);
    });
    output.end();
  });
}
