/** The page and another one for tools, built apart from dist and served. */
import { join } from "node:path";
import { build, preview } from "vite";
import { root } from "./ring3.ts";

export interface Site {
  /** Ends with a slash. */
  readonly address: string;
  /** Of what was built. */
  readonly directory: string;
  close(): Promise<void>;
}

/** `page` is the path of an HTML file in the repository, and of its address. */
export async function serveWithPage(page: string, name: string): Promise<Site> {
  const directory = join(root, ".cache", name);
  const input = [join(root, "index.html"), join(root, page)];
  await build({ root, logLevel: "error", build: { outDir: directory, emptyOutDir: true, rollupOptions: { input } } });
  const host = { host: "127.0.0.1", port: 0 };
  const server = await preview({ root, logLevel: "error", build: { outDir: directory }, preview: host });
  const address = server.resolvedUrls?.local[0];
  if (address === undefined) throw new Error("the server has no address");
  return { address, directory, close: () => server.close() };
}
