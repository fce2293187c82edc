/** The web console's beginning. */
import "./styles/tokens.css";
import "./styles/layout.css";
import "./styles/parts.css";
import "./styles/pages.css";
import { render } from "preact";
import { App } from "./app.tsx";
import { browserClock } from "./clock.ts";
import { createServices } from "./services/services.ts";
import { createTheme } from "./ui/theme.tsx";

const root = document.getElementById("app");
if (root) {
  const services = createServices(location.origin, browserClock, sessionStorage);
  const theme = createTheme(localStorage, document.documentElement);
  render(<App services={services} theme={theme} />, root);
}
