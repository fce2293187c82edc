/** The page a list request asks for; the contract gives its fields the same names everywhere. */
import type { TaskManager } from "../tasks/task-manager.ts";

type PageRequest = Parameters<TaskManager["list"]>[2];

/** As the contract documents it. */
const DEFAULT_PAGE_SIZE = 50;

export function pageOf(request: { pageSize: number; pageToken: string }): PageRequest {
  return { size: request.pageSize || DEFAULT_PAGE_SIZE, token: request.pageToken };
}

/** Filters are absent where the request leaves a field empty. */
export function filled<K extends string>(
  fields: Readonly<Record<K, string>>,
): { [key in K]?: string } {
  const present: { [key in K]?: string } = {};
  for (const key in fields) {
    if (fields[key] !== "") present[key] = fields[key];
  }
  return present;
}
