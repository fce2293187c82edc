/** Going from page to page without loading one. */
import { type ComponentChildren, createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";

export interface Place {
  readonly pathname: string;
  readonly search: string;
}

export interface Navigation {
  readonly place: Place;
  /** `replace`: the page before it is not one to come back to. */
  readonly go: (href: string, options?: { replace?: boolean }) => void;
}

const NavigationContext = createContext<Navigation | undefined>(undefined);

export function useNavigation(): Navigation {
  const navigation = useContext(NavigationContext);
  if (!navigation) throw new Error("outside of NavigationProvider");
  return navigation;
}

/** A parameter of the address, and how to change some of them. */
export function useParameters(): {
  get: (name: string) => string;
  set: (changes: Readonly<Record<string, string>>) => void;
} {
  const { place, go } = useNavigation();
  const current = new URLSearchParams(place.search);
  return {
    get: (name) => current.get(name) ?? "",
    set(changes) {
      // Not the place that was rendered: another change may just have been made.
      const next = new URLSearchParams(location.search);
      for (const [name, value] of Object.entries(changes)) {
        if (value === "") next.delete(name);
        else next.set(name, value);
      }
      const search = next.toString();
      go(`${place.pathname}${search && `?${search}`}`, { replace: true });
    },
  };
}

export function NavigationProvider({ children }: { children: ComponentChildren }) {
  const [place, setPlace] = useState<Place>(here);
  useEffect(() => {
    const update = (): void => setPlace(here());
    window.addEventListener("popstate", update);
    return () => window.removeEventListener("popstate", update);
  }, []);
  const go: Navigation["go"] = (href, { replace = false } = {}) => {
    if (replace) history.replaceState(null, "", href);
    else history.pushState(null, "", href);
    setPlace(here());
    if (!replace) window.scrollTo(0, 0);
  };
  return <NavigationContext.Provider value={{ place, go }}>{children}</NavigationContext.Provider>;
}

function here(): Place {
  return { pathname: location.pathname, search: location.search };
}

interface LinkProps {
  readonly href: string;
  readonly class?: string;
  readonly current?: boolean;
  readonly label?: string;
  readonly children: ComponentChildren;
}

export function Link({ href, class: className, current = false, label, children }: LinkProps) {
  const { go } = useNavigation();
  return (
    <a
      href={href}
      class={className}
      aria-current={current ? "page" : undefined}
      aria-label={label}
      onClick={(event) => {
        if (event.defaultPrevented || event.button !== 0) return;
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        go(href);
      }}
    >
      {children}
    </a>
  );
}
