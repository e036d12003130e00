/** Imports go down only: page → worker's interface → sandbox → kernel, CPU. What each room may reach stands in ARCHITECTURE.md. */

const test = "\\.test\\.ts$";

/** @param {string} name @param {string} comment @param {object} from @param {object} to */
const rule = (name, comment, from, to) => ({ name, comment, severity: "error", from, to });

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    rule(
      "no-cycles",
      "A cycle has no order in which it can be read.",
      {},
      { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    ),
    rule("unresolved", "What is imported must be there.", {}, { couldNotResolve: true }),
    rule(
      "emulator-knows-no-windows",
      "The CPU knows x86-64 and WebAssembly, nothing of what runs on it.",
      { path: "^emulator/", pathNot: test },
      { path: "^(kernel-shim|src|samples|tools|tests)/" },
    ),
    rule(
      "kernel-sees-the-cpu-seam",
      "Of the CPU the kernel knows the seam alone.",
      { path: "^kernel-shim/", pathNot: test },
      { path: "^emulator/", pathNot: "^emulator/(cpu|context|context-layout|xsave-area)\\.ts$" },
    ),
    rule(
      "kernel-is-below",
      "The kernel knows nothing of what composes it.",
      { path: "^kernel-shim/", pathNot: test },
      { path: "^(src|samples|tools|tests)/" },
    ),
    rule(
      "sandbox-is-below",
      "The sandbox knows nothing of who drives it.",
      { path: "^src/sandbox/", pathNot: test },
      { path: "^(src/(page|worker|cli)|tools|tests)/" },
    ),
    rule(
      "worker-is-below-the-page",
      "The worker knows nothing of the page.",
      { path: "^src/worker/", pathNot: test },
      { path: "^(src/(page|cli)|tools|tests)/" },
    ),
    rule(
      "page-sees-the-worker-interface",
      "The page sees the worker's interface and view types only; and the list of samples.",
      { path: "^src/page/", pathNot: test },
      { path: "^(emulator|kernel-shim|src/(sandbox|worker|cli)|tools|tests)/", pathNot: "^src/worker/interface\\.ts$" },
    ),
    rule(
      "cli-has-no-page",
      "The command line is headless.",
      { path: "^src/cli/", pathNot: test },
      { path: "^(src/(page|worker)|tools|tests)/" },
    ),
    rule(
      "node-only-where-node-is",
      "Everything else runs in a browser too.",
      {
        path: "^(emulator|kernel-shim|src|samples)/",
        pathNot: `${test}|^src/cli/|^emulator/unicorn/native/|/test-[^/]*\\.ts$`,
      },
      { dependencyTypes: ["core"] },
    ),
    rule(
      "libraries-of-the-portable-rooms",
      "The portable rooms use few libraries, none that needs a DOM or Node.",
      { path: "^(emulator|kernel-shim|src/sandbox)/", pathNot: `${test}|^emulator/unicorn/native/` },
      { dependencyTypes: ["npm", "npm-dev"], pathNot: "node_modules/(fflate|capstone-wasm)/" },
    ),
    rule("tests-are-not-imported", "A test is no library.", {}, { path: test }),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|images|\\.cache)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      extensions: [".ts", ".js", ".svelte", ".json"],
      exportsFields: ["exports"],
      conditionNames: ["svelte", "browser", "import", "node", "default", "types"],
    },
  },
};
