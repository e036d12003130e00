/** koffi, loaded when libunicorn is asked for: the published package runs without both. */
import { createRequire } from "node:module";
import type koffiModule from "koffi";

type Koffi = typeof koffiModule;
const load = createRequire(import.meta.url);
let koffi: Koffi | undefined;

export function foreignFunctions(): Koffi {
  try {
    return (koffi ??= load("koffi") as Koffi);
  } catch (error) {
    throw new Error("libunicorn is called by way of koffi, which is not there: npm install koffi", { cause: error });
  }
}
