import { statusName } from "./ntstatus.ts";
import type { Scalar } from "./type.ts";
import { formatCaptured, u32 } from "./type.ts";

/** NTSTATUS as a type: shown by name. */
export const NTSTATUS: Scalar<number> = {
  ...u32,
  name: "NTSTATUS",
  format: (captured) => (typeof captured === "number" ? statusName(captured) : formatCaptured(captured)),
};
