/** The pages and their addresses. */

export type Route =
  | { readonly page: "overview" }
  | { readonly page: "tasks" }
  | { readonly page: "task"; readonly taskId: string }
  | { readonly page: "sessions" }
  | { readonly page: "session"; readonly agentId: string; readonly sessionId: string }
  | { readonly page: "dead-letters" }
  | { readonly page: "agents" }
  | { readonly page: "agent"; readonly agentId: string }
  | { readonly page: "playground" }
  | { readonly page: "unknown" };

export const ROOT = "/console";

export function routeOf(pathname: string): Route {
  const parts = pathname.slice(ROOT.length).split("/").filter(Boolean).map(decode);
  const [page = "", first, second] = parts;
  if (parts.length === 0) return { page: "overview" };
  if (page === "tasks" && parts.length === 2 && first) return { page: "task", taskId: first };
  if (page === "agents" && parts.length === 2 && first) return { page: "agent", agentId: first };
  if (page === "sessions" && parts.length === 3 && first && second) {
    return { page: "session", agentId: first, sessionId: second };
  }
  if (parts.length > 1) return { page: "unknown" };
  switch (page) {
    case "tasks":
    case "sessions":
    case "dead-letters":
    case "agents":
    case "playground":
      return { page };
    default:
      return { page: "unknown" };
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** An address of the console; empty parameters are left out. */
export function address(
  parts: readonly string[],
  parameters: Readonly<Record<string, string>> = {},
): string {
  const path = [ROOT, ...parts.map(encodeURIComponent)].join("/");
  const search = new URLSearchParams(
    Object.entries(parameters).filter(([, value]) => value !== ""),
  ).toString();
  return `${parts.length === 0 ? `${ROOT}/` : path}${search && `?${search}`}`;
}
