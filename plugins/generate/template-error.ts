/**
 * What a template lacks, and where.
 */
import type { Place } from 'pxe';
import { formatPlace } from 'pxe/kit';

/** A template could not be filled in. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  readonly place: Place;
  /** The message without the place. */
  readonly reason: string;
  /** The one that is lacking, if that was it. */
  readonly variable: string | undefined;

  constructor(place: Place, reason: string, variable?: string) {
    super(`${formatPlace(place)}: ${reason}`);
    this.place = place;
    this.reason = reason;
    this.variable = variable;
  }
}
