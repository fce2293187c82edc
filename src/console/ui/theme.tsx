/** Light, dark, or what the system prefers. */
import { useEffect } from "preact/hooks";
import { useObservable } from "../services/hooks.ts";
import { type Observable, observable } from "../services/observable.ts";
import { Icon, type IconName } from "./icons.tsx";

export type Theme = "system" | "light" | "dark";

const STORAGE_KEY = "agentlane.theme";
const NEXT: Readonly<Record<Theme, Theme>> = { system: "light", light: "dark", dark: "system" };
const ICONS: Readonly<Record<Theme, IconName>> = { system: "system", light: "sun", dark: "moon" };

/** Kept for all tabs. */
export function createTheme(storage: Storage, root: HTMLElement): Observable<Theme> {
  const stored = storage.getItem(STORAGE_KEY);
  const theme = observable<Theme>(stored === "light" || stored === "dark" ? stored : "system");
  const apply = (): void => {
    if (theme.get() === "system") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", theme.get());
  };
  theme.subscribe(() => {
    storage.setItem(STORAGE_KEY, theme.get());
    apply();
  });
  apply();
  return theme;
}

export function ThemeSwitch({ theme }: { theme: Observable<Theme> }) {
  const current = useObservable(theme);
  return (
    <button
      type="button"
      class="button quiet square"
      aria-label={`Theme: ${current}. Switch to ${NEXT[current]}`}
      title={`Theme: ${current}`}
      onClick={() => theme.set(NEXT[current])}
    >
      <Icon name={ICONS[current]} />
    </button>
  );
}

/** Calls back when colours may have changed. */
export function useThemeChange(callback: () => void): void {
  useEffect(() => {
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const observer = new MutationObserver(callback);
    observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    scheme.addEventListener("change", callback);
    return () => {
      observer.disconnect();
      scheme.removeEventListener("change", callback);
    };
  }, [callback]);
}
