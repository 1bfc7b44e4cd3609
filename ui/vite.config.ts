import { defineConfig } from "vite";

// One style sheet, hashed names, nothing inlined: the policy of the server allows files of its own and nothing else.
export default defineConfig({
  build: {
    target: "es2022",
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
});
