/**
 * The trace's filter language, the same in the page and on the command line:
 *
 *     name:Nt*File status:error path:*\testfile.txt tid:8 -family:Registry hello
 *
 * Terms are joined by "and"; `key:a,b` matches a or b; `-` negates; `*` and `?` are wildcards; a word without a key is
 * searched in name, arguments, result and path. Upper and lower case are the same. Quotes keep spaces together.
 */
import type { Severity } from "./view.ts";

/** What a filter looks at. Only `text` may be costly; it is asked last. */
export interface FilterTarget {
  readonly name: string;
  readonly kind: string;
  readonly family: string;
  readonly severity: Severity;
  readonly result: string;
  readonly path: string | undefined;
  readonly process: number;
  readonly thread: number;
  readonly unimplemented: boolean;
  text(): string;
}

export type Filter = (target: FilterTarget) => boolean;

const keys: Record<string, (target: FilterTarget, matches: (text: string) => boolean) => boolean> = {
  name: (t, matches) => matches(t.name),
  kind: (t, matches) => matches(t.kind),
  family: (t, matches) => matches(t.family),
  status: (t, matches) => matches(t.severity) || matches(t.result) || matches(`STATUS_${t.result}`),
  path: (t, matches) => t.path !== undefined && matches(t.path),
  pid: (t, matches) => matches(String(t.process)),
  tid: (t, matches) => matches(String(t.thread)),
  is: (t, matches) => (t.unimplemented ? matches("unimplemented") : matches("implemented")),
};

/** Parses a filter; never fails: what is no `key:value` is a word. Undefined when there is nothing to filter. */
export function parseFilter(text: string): Filter | undefined {
  const tests = [...text.matchAll(/(-?)(?:(\w+):)?("[^"]*"?|\S+)/g)]
    .map(([, minus, key, value]) => term(minus === "-", key?.toLowerCase(), value.replaceAll('"', "")))
    .sort((a, b) => a.cost - b.cost);
  if (tests.length === 0) return undefined;
  return (target) => tests.every((t) => t.test(target));
}

function term(negated: boolean, key: string | undefined, value: string): { cost: number; test: Filter } {
  const lookup = key === undefined ? undefined : keys[key];
  if (lookup) {
    const patterns = value.split(",").map((part) => wildcard(part));
    const matches = (text: string) => patterns.some((pattern) => pattern.test(text));
    return { cost: 0, test: (target) => lookup(target, matches) !== negated };
  }
  const needle = (key === undefined ? value : `${key}:${value}`).toLowerCase();
  const contains = (text: string) => text.toLowerCase().includes(needle);
  return {
    cost: 1,
    test: (t) => (contains(t.name) || contains(t.result) || contains(t.path ?? "") || contains(t.text())) !== negated,
  };
}

function wildcard(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "is");
}
