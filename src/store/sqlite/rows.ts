/** Rows as SQLite answers them; schema.ts says what the columns mean. */

export interface TaskRow {
  readonly id: number;
  readonly tenant: string;
  readonly task_id: string;
  readonly agent_id: string;
  readonly session_id: string;
  readonly queue: string;
  readonly state: number;
  readonly ready: number;
  readonly published: number;
  readonly rung_at: number;
  readonly lane_position: number | null;
  readonly attempt: number;
  readonly fence: number;
  readonly claim_id: string;
  readonly lease_ends_at: number | null;
  readonly attempt_started_at: number;
  readonly attempt_sequence: number;
  readonly deadline_at: number | null;
  readonly retry_at: number | null;
  readonly due_at: number | null;
  readonly cancel_mode: number;
  readonly cancel_reason: string;
  readonly first_sequence: number;
  readonly last_sequence: number;
  readonly ended_at: number | null;
  readonly ended_order: number | null;
  readonly error_reason: string;
  readonly log_kept: number;
  readonly retired: number;
  readonly finish_fence: number | null;
  readonly finish_after: number | null;
  readonly finish_state: number | null;
  readonly finish_expired: number | null;
  readonly finish_sequence: number | null;
  readonly finish_etag: string | null;
  readonly quota_bytes: number | null;
  readonly held_level: number | null;
  readonly held_since: number | null;
  readonly task: Uint8Array;
}

export type LaneRow = Pick<TaskRow, "id" | "task_id" | "queue" | "state" | "quota_bytes">;

export interface HeldRow {
  readonly id: number;
  readonly held_since: number;
}

export interface TenantRow {
  readonly window: number;
  readonly max_running: number | null;
  readonly queued_count: number;
  readonly running_count: number;
  readonly stored_bytes: number;
  readonly token_day: number;
  readonly token_count: number;
}

export interface LineRow {
  readonly queue: string;
  readonly rung_count: number;
  readonly is_risens_turn: number;
}

export type DeadLetterRow = Pick<TaskRow, "id"> & {
  readonly ended_order: number;
};

export interface SubmissionRow {
  readonly doorbell: Uint8Array;
  readonly record: Uint8Array;
}

export type ReadyRow = Pick<TaskRow, "tenant" | "agent_id" | "session_id"> &
  Pick<SubmissionRow, "doorbell">;

export interface EventsRow {
  readonly last_sequence: number;
  readonly entries: Uint8Array;
}

export interface KeyRow {
  readonly tenant: string;
  readonly key: string;
  readonly digest: string;
  readonly task: number;
  readonly expires_at: number;
}

export interface SessionNameRow {
  readonly id: number;
  readonly tenant: string;
  readonly agent_id: string;
  readonly session_id: string;
}

export interface SessionMetaRow {
  readonly id: number;
  readonly last_worker_id: string;
  readonly version: string;
  readonly etag: string;
  readonly counted_bytes: number;
}

export interface SessionRow extends SessionNameRow, SessionMetaRow {
  readonly context: Uint8Array | null;
}

export interface SummaryRow {
  readonly used_order: number;
  readonly agent_id: string;
  readonly summary: Uint8Array;
}

export interface FiguresRow {
  readonly ready_count: number;
  readonly queued_count: number;
  readonly running_count: number;
  readonly retry_wait_count: number;
  readonly dead_letter_count: number;
  readonly completed_count: number;
  readonly failed_count: number;
  readonly attempt_count: number;
  readonly attempt_total_ms: number;
}

export interface ApiKeyRow {
  readonly record: Uint8Array;
  readonly revoked_at: number | null;
  readonly used_at: number | null;
}
