/** Editing of the filter's text by the page's buttons. The language itself is at home in src/sandbox/trace/filter.ts. */

function pattern(key: string): RegExp {
  return new RegExp(`(?:^|\\s)${key}:("[^"]*"?|\\S+)`, "i");
}

export function valuesOf(filter: string, key: string): string[] {
  const value = pattern(key).exec(filter)?.[1];
  return value === undefined ? [] : value.replaceAll('"', "").split(",");
}

/** Adds the value to the key's term, or takes it out when it is there. */
export function toggleTerm(filter: string, key: string, value: string): string {
  const values = valuesOf(filter, key);
  const others = values.filter((other) => other.toLowerCase() !== value.toLowerCase());
  return withTerm(filter, key, others.length < values.length ? others : [...values, value]);
}

export function withTerm(filter: string, key: string, values: readonly string[]): string {
  const rest = filter.replace(pattern(key), "").trim();
  if (values.length === 0) return rest;
  const joined = values.join(",");
  const term = `${key}:${/\s/.test(joined) ? `"${joined}"` : joined}`;
  return rest === "" ? term : `${rest} ${term}`;
}
