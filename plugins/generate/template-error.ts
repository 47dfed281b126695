/**
 * The error of a template that cannot be rendered, with its place.
 */
import type { Place } from 'pxe';
import { formatPlace } from 'pxe/kit';

/** A template could not be rendered. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  readonly place: Place;
  /** The message without the place. */
  readonly reason: string;
  /** The missing variable, if that is the cause. */
  readonly variable: string | undefined;

  constructor(place: Place, reason: string, variable?: string) {
    super(`${formatPlace(place)}: ${reason}`);
    this.place = place;
    this.reason = reason;
    this.variable = variable;
  }
}
