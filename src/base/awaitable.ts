/**
 * Values that come now or later: what need not wait costs no turn of the event loop.
 */

/** A value now, or later. */
export type Awaitable<T> = T | Promise<T>;

/** Whether it comes later. A plugin's promise may be of any make. */
export function isLater<T>(value: Awaitable<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
