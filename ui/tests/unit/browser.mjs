// What the modules expect of a browser.
const kept = new Map();
const globals = {
  localStorage: {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
  },
  document: { documentElement: { lang: "en", dataset: {} } },
  navigator: { languages: ["en"] },
};
for (const [name, value] of Object.entries(globals)) Object.defineProperty(globalThis, name, { value, configurable: true });
