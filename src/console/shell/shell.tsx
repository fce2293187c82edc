/** Navigation, the state of the connection, the theme: what is around every page. */
import type { ComponentChildren } from "preact";
import { useFigures } from "../overview/figures-provider.tsx";
import { address, type Route } from "../routes.ts";
import { useObservable } from "../services/hooks.ts";
import type { Observable } from "../services/observable.ts";
import { useServices } from "../services/services.ts";
import { Icon, type IconName } from "../ui/icons.tsx";
import { Link } from "../ui/navigation.tsx";
import { Button } from "../ui/parts.tsx";
import { type Theme, ThemeSwitch } from "../ui/theme.tsx";
import { ConnectionNote } from "./connection-note.tsx";

interface Entry {
  readonly icon: IconName;
  readonly name: string;
  /** Where there is no room. */
  readonly short: string;
  readonly path: readonly string[];
  readonly pages: readonly Route["page"][];
}

const ENTRIES: readonly Entry[] = [
  { icon: "overview", name: "Overview", short: "Overview", path: [], pages: ["overview"] },
  { icon: "tasks", name: "Tasks", short: "Tasks", path: ["tasks"], pages: ["tasks", "task"] },
  {
    icon: "sessions",
    name: "Sessions",
    short: "Sessions",
    path: ["sessions"],
    pages: ["sessions", "session"],
  },
  {
    icon: "dead-letters",
    name: "Dead letters",
    short: "Dead",
    path: ["dead-letters"],
    pages: ["dead-letters"],
  },
  { icon: "agents", name: "Agents", short: "Agents", path: ["agents"], pages: ["agents", "agent"] },
  {
    icon: "playground",
    name: "Playground",
    short: "Play",
    path: ["playground"],
    pages: ["playground"],
  },
];

interface ShellProps {
  readonly route: Route;
  readonly theme: Observable<Theme>;
  readonly children: ComponentChildren;
}

export function Shell({ route, theme, children }: ShellProps) {
  const { reading } = useFigures();
  const { apiKey } = useServices();
  const key = useObservable(apiKey);
  const deadLetters = reading?.status.deadLetters ?? 0;
  return (
    <div class="shell">
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="top">
        <Link href={address([])} class="brand" label="Agentlane, overview">
          <Logo />
          <span>Agentlane</span>
        </Link>
        <ConnectionNote />
        <div class="top-end">
          {key !== "" && (
            <Button kind="quiet" icon="key" onClick={() => apiKey.set("")}>
              Forget key
            </Button>
          )}
          <ThemeSwitch theme={theme} />
        </div>
      </header>
      <nav class="nav" aria-label="Console">
        {ENTRIES.map(({ icon, name, short, path, pages }) => (
          <Link
            key={name}
            href={address(path)}
            class="nav-link"
            current={pages.includes(route.page)}
          >
            <Icon name={icon} />
            <span class="nav-long">{name}</span>
            <span class="nav-short" aria-hidden="true">
              {short}
            </span>
            {name === "Dead letters" && deadLetters > 0 && (
              <span class="nav-count">{deadLetters > 999 ? "999+" : deadLetters}</span>
            )}
          </Link>
        ))}
        <p class="nav-foot">
          {reading ? (
            <>
              Agentlane {reading.status.version}
              <br />
              {reading.status.messageQueueType} queue, {reading.status.storeType} store
            </>
          ) : (
            "…"
          )}
        </p>
      </nav>
      {children}
    </div>
  );
}

function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" class="logo-ground" />
      <path d="M8 10h9M8 16h16M8 22h12" class="logo-lanes" />
      <circle cx="22" cy="10" r="2.2" class="logo-dot" />
    </svg>
  );
}
