import { cp, readFile, stat, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { basename, extname, join, normalize, resolve, sep } from "node:path";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";
import { EARLY_FILE } from "./kernel-shim/boot/image.ts";
import { savedHandlers } from "./tools/handlers/plugin.ts";

/** What every response of the site carries, whoever serves it. */
const headers: Readonly<Record<string, string>> = {
  "Content-Security-Policy": [
    "default-src 'self'",
    // blob: is for a build of unicorn.js that the user chooses as the CPU.
    "script-src 'self' 'wasm-unsafe-eval' blob:",
    "style-src 'self' 'unsafe-inline'",
    "worker-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
};

/** Folders outside the page's source that the site serves: address, and where they lie. */
const folders = [
  { address: "/images/", directory: "images" },
  { address: "/samples/", directory: "samples/bin" },
] as const;

/** The folders in the site: by a middleware while developing, as copies in dist. */
function siteFolders(): Plugin {
  let target = "dist";
  const serve = (request: IncomingMessage, response: ServerResponse, next: () => void): void => {
    const path = decodeURIComponent((request.url ?? "/").split("?")[0]);
    const folder = folders.find(({ address }) => path.startsWith(address));
    if (folder === undefined) return next();
    const directory = resolve(folder.directory);
    const file = normalize(join(directory, path.slice(folder.address.length)));
    if (!file.startsWith(directory + sep)) return next();
    readFile(file).then(
      (bytes) => {
        const json = extname(file) === ".json";
        response.setHeader("Content-Type", json ? "application/json" : "application/octet-stream");
        response.setHeader("Content-Length", bytes.length);
        for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
        response.end(bytes);
      },
      () => {
        response.statusCode = 404;
        response.end(`There is no ${path}.`);
      },
    );
  };
  return {
    name: "site-folders",
    configResolved: (config) => {
      target = resolve(config.root, config.build.outDir);
    },
    configureServer: (server) => void server.middlewares.use(serve),
    configurePreviewServer: (server) => void server.middlewares.use(serve),
    async closeBundle() {
      for (const { address, directory } of folders) {
        const present = await stat(directory).catch(() => undefined);
        if (present?.isDirectory() !== true) continue;
        await cp(directory, join(target, address), {
          recursive: true,
          filter: (file) => basename(file) !== EARLY_FILE,
        });
      }
      const lines = Object.entries(headers).map(([name, value]) => `  ${name}: ${value}`);
      await writeFile(join(target, "_headers"), ["/*", ...lines, ""].join("\n"));
    },
  };
}

/** `--mode fake` puts the tests' worker in the place of the real one. */
function fakeWorker(): Plugin {
  return {
    name: "fake-worker",
    enforce: "pre",
    resolveId: (source) => (source === "./connect.ts" ? resolve("tests/page/fake-connect.ts") : undefined),
  };
}

export default defineConfig(({ mode }) => ({
  base: "./",
  publicDir: false,
  plugins: [svelte(), siteFolders(), ...(mode === "fake" ? [fakeWorker()] : [])],
  worker: {
    format: "es",
    plugins: () => [savedHandlers()],
    // V8 compiles the engine while it loads, instead of function by function while it runs (docs/decisions/0009).
    rolldownOptions: { output: { postBanner: "//# allFunctionsCalledOnLoad" } },
  },
  build: { target: "es2023", assetsInlineLimit: 0, outDir: mode === "fake" ? ".cache/page-with-fake-worker" : "dist" },
  server: { headers: { ...headers, "Content-Security-Policy": developmentPolicy() } },
  preview: { headers },
}));

/** The development server's own client needs a socket. */
function developmentPolicy(): string {
  return headers["Content-Security-Policy"].replace("connect-src 'self'", "connect-src 'self' ws:");
}
