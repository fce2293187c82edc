/** The frame around the pages, and which page is in it. */
import { useEffect, useRef } from "preact/hooks";
import { AgentPage } from "./agents/agent-page.tsx";
import { AgentsPage } from "./agents/agents-page.tsx";
import { DeadLettersPage } from "./dead-letters/dead-letters-page.tsx";
import { FiguresProvider } from "./overview/figures-provider.tsx";
import { OverviewPage } from "./overview/overview-page.tsx";
import { ConversationProvider } from "./playground/conversation-provider.tsx";
import { PlaygroundPage } from "./playground/playground-page.tsx";
import { ROOT, type Route, routeOf } from "./routes.ts";
import { useObservable } from "./services/hooks.ts";
import type { Observable } from "./services/observable.ts";
import { type Services, ServicesContext } from "./services/services.ts";
import { SessionPage } from "./sessions/session-page.tsx";
import { SessionsPage } from "./sessions/sessions-page.tsx";
import { KeyGate } from "./shell/key-gate.tsx";
import { Shell } from "./shell/shell.tsx";
import { TaskPage } from "./tasks/task-page.tsx";
import { TasksPage } from "./tasks/tasks-page.tsx";
import { Link, NavigationProvider, useNavigation } from "./ui/navigation.tsx";
import { Empty, PageHead } from "./ui/parts.tsx";
import type { Theme } from "./ui/theme.tsx";

interface AppProps {
  readonly services: Services;
  readonly theme: Observable<Theme>;
}

export function App({ services, theme }: AppProps) {
  return (
    <ServicesContext.Provider value={services}>
      <NavigationProvider>
        <FiguresProvider>
          <ConversationProvider>
            <Frame services={services} theme={theme} />
          </ConversationProvider>
        </FiguresProvider>
      </NavigationProvider>
    </ServicesContext.Provider>
  );
}

function Frame({ services, theme }: AppProps) {
  const { place } = useNavigation();
  const route = routeOf(place.pathname);
  const connection = useObservable(services.connection.state);
  const main = useRef<HTMLElement>(null);
  useHeading(main, place.pathname);
  return (
    <Shell route={route} theme={theme}>
      <main id="main" ref={main} tabIndex={-1}>
        {connection === "locked" ? <KeyGate /> : <Page route={route} key={place.pathname} />}
      </main>
    </Shell>
  );
}

/** A new page is announced by its heading, as a page that is loaded would be. */
function useHeading(main: { readonly current: HTMLElement | null }, pathname: string): void {
  const first = useRef(true);
  // Once for each page.
  useEffect(() => {
    const heading = main.current?.querySelector("h1");
    document.title = heading ? `${heading.textContent} · Agentlane` : "Agentlane";
    if (!first.current) heading?.focus({ preventScroll: true });
    first.current = false;
  }, [pathname]);
}

function Page({ route }: { route: Route }) {
  switch (route.page) {
    case "overview":
      return <OverviewPage />;
    case "tasks":
      return <TasksPage />;
    case "task":
      return <TaskPage taskId={route.taskId} />;
    case "sessions":
      return <SessionsPage />;
    case "session":
      return <SessionPage agentId={route.agentId} sessionId={route.sessionId} />;
    case "dead-letters":
      return <DeadLettersPage />;
    case "agents":
      return <AgentsPage />;
    case "agent":
      return <AgentPage agentId={route.agentId} />;
    case "playground":
      return <PlaygroundPage />;
    case "unknown":
      return <UnknownPage />;
  }
}

function UnknownPage() {
  return (
    <>
      <PageHead title="No such page" />
      <Empty title="There is nothing at this address">
        <Link href={`${ROOT}/`}>Go to the overview</Link>
      </Empty>
    </>
  );
}
