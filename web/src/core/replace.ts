/**
 * Puts functions in place of an object's own or inherited ones. They are defined, not assigned: to a script in a world of
 * its own, Firefox shows the page's objects with functions that cannot be assigned.
 */
export function replaceFunctions(of: object, functions: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(functions)) {
    Object.defineProperty(of, name, { value, writable: true, enumerable: true, configurable: true });
  }
}
