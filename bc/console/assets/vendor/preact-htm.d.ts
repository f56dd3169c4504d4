/**
 * What the console uses of preact and htm, for the type check alone. Templates are not checked.
 * A state that starts as null, or holds nulls and empty lists, may come to hold anything there.
 */
type Wide<T> = T extends null | undefined ? any
  : T extends readonly never[] ? any[]
  : T extends string ? string
  : T extends number ? number
  : T extends boolean ? boolean
  : T extends Function | Map<any, any> | Set<any> ? T
  : T extends object ? { [Key in keyof T]: Wide<T[Key]> }
  : T;
type Setter<T> = (next: T | ((before: T) => T)) => void;

export function html(strings: TemplateStringsArray, ...values: unknown[]): any;
export function render(what: any, into: Element | null): void;
export function useState<T>(first: () => T): [Wide<T>, Setter<Wide<T>>];
export function useState<T>(first: T): [Wide<T>, Setter<Wide<T>>];
export function useEffect(effect: () => void | (() => void), inputs?: unknown[]): void;
export function useLayoutEffect(effect: () => void | (() => void), inputs?: unknown[]): void;
export function useMemo<T>(work: () => T, inputs: unknown[]): T;
export function useRef<T>(first: T): { current: Wide<T> };
