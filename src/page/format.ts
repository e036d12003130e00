/** How the page writes numbers. Thousands are separated by a comma in every locale: data looks the same everywhere. */
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });

export function count(value: number): string {
  return whole.format(value);
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** 1,234 → "1.23 k", 1,800,000 → "1.8 M". */
export function magnitude(value: number): string {
  for (const [unit, size] of [
    ["T", 1e12],
    ["G", 1e9],
    ["M", 1e6],
    ["k", 1e3],
  ] as const) {
    if (value >= size) return `${short.format(value / size)} ${unit}`;
  }
  return whole.format(value);
}

export function size(bytes: number): string {
  if (bytes < 1024) return `${count(bytes)} B`;
  if (bytes < 1024 ** 2) return `${short.format(bytes / 1024)} KB`;
  if (bytes < 1024 ** 3) return `${short.format(bytes / 1024 ** 2)} MB`;
  return `${short.format(bytes / 1024 ** 3)} GB`;
}

export function duration(milliseconds: number): string {
  if (milliseconds < 10_000) return `${milliseconds < 100 ? milliseconds.toFixed(2) : whole.format(milliseconds)} ms`;
  if (milliseconds < 120_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return `${Math.floor(milliseconds / 60_000)} min ${Math.floor((milliseconds % 60_000) / 1000)} s`;
}

const thousandths = new Intl.NumberFormat("en-US", { minimumFractionDigits: 3, maximumFractionDigits: 3 });

/** Milliseconds for a column of times: no unit, down to the microsecond. */
export function milliseconds(value: number): string {
  return thousandths.format(value);
}

/** Millions of instructions a second; too few instructions tell nothing of it. */
export function speed(instructions: number, milliseconds: number): string {
  return milliseconds < 1 || instructions < 100_000 ? "–" : `${short.format(instructions / milliseconds / 1000)} MIPS`;
}

export function hex(value: number, digits = 8): string {
  return value.toString(16).padStart(digits, "0");
}

export function result(text: string): string {
  return text.replace(/^STATUS_/, "");
}

export function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
