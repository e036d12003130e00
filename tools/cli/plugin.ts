/** Puts what starts the command line beside it, and the code that V8 makes of it (src/cli/launch.ts). */
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { build, type Plugin, type Rolldown } from "vite";

export interface Warming {
  /** A run in which the functions are called that runs need, … */
  readonly args: readonly string[];
  /** … and its standard input. */
  readonly input?: string;
}

export function launcher(warming: Warming): Plugin {
  return {
    name: "launcher",
    async generateBundle() {
      const options = { target: "node20", ssr: resolve("src/cli/launch.ts"), write: false };
      const built = await build({ configFile: false, logLevel: "error", publicDir: false, build: options });
      const [{ code }] = (built as Rolldown.RolldownOutput).output;
      this.emitFile({ type: "asset", fileName: "ring3.js", source: code });
    },
    writeBundle({ dir = "." }) {
      const env = { ...process.env, RING3_WRITE_CODE_CACHE: "" };
      const command = [join(dir, "ring3.js"), ...warming.args];
      const { status, stderr } = spawnSync(process.execPath, command, { env, input: warming.input ?? "" });
      if (status !== 0) this.error(`the command line that was built does not run: ${stderr.toString()}`);
    },
  };
}
