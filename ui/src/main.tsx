import { render } from "preact";
import { App } from "./app";
import { language, setLanguage } from "./lib/language";
import { applyTheme } from "./lib/theme";
import "./styles/index.css";

setLanguage(language());
applyTheme();
const root = document.getElementById("app");
if (root) render(<App />, root);
