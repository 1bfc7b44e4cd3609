import { defineConfig } from "vite";

// The offline verifier is one script without imports: it is put into pages that are opened from a disk.
export default defineConfig({
  publicDir: false,
  build: {
    target: "es2022",
    emptyOutDir: false,
    reportCompressedSize: false,
    lib: { entry: "src/verifier.ts", formats: ["iife"], name: "hinomi", fileName: () => "verifier.js" },
  },
});
