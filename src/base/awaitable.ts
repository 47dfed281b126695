/**
 * Values that are available now or later, so that synchronous answers cost no turn of the event loop.
 */

/** A value, or a promise of it. */
export type Awaitable<T> = T | Promise<T>;

/** Whether the value is a promise. Any thenable counts, since a plugin may use its own kind. */
export function isLater<T>(value: Awaitable<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
