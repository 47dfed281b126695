/**
 * Routes: the pipeline's options for a request, and its results.
 */

import type { Signal } from '../base/abort.ts';
import type { BootLayout } from '../base/boot-layout.ts';
import type { Log } from '../base/log.ts';
import type { Refusal } from '../base/refusal.ts';
import type { Content, Sink } from '../content/content.ts';
import type { Describe, Trace } from './trace.ts';
import type { BootRequest, Folder, ReadRequest, WriteRequest } from './types.ts';

/** Options of one request. */
export interface RouteOptions {
  /** Aborted when the client has gone or the server stops. */
  readonly signal?: Signal | undefined;
  /** Bound to the transfer. */
  readonly log?: Log | undefined;
  /** The answer if no `rewrite` corrects the request's name, which no file can have. */
  readonly unservable?: Refusal | undefined;
  /** If given, entries are added to it. */
  readonly trace?: Trace | undefined;
  /** Default: that of {@link describeError}. */
  readonly describe?: Describe | undefined;
}

/** What a client gets. The receiver must close `content`. */
export interface Opened {
  readonly content: Content;
  /** For people: a path under the root, or `plugin:<name>`. */
  readonly served: string;
  /** Name of the plugin that answered; `undefined` for the root directory. */
  readonly plugin: string | undefined;
}

/** The context in which an answer is checked. */
export interface AnswerContext {
  readonly plugin: string;
  /** Checks a name that the plugin returned against the rules for names. */
  confine(name: string): string;
  /** Opens a name that the plugin returned. Throws a `Refusal`, `not-found` if there is no such file. */
  open(name: string): Promise<Opened>;
}

/** What takes an upload. */
export interface Stored {
  /** Or the name under which `uploads` store it. */
  readonly sink: string | Sink;
  readonly plugin: string;
}

/** What a machine is to load. */
export type Boot = {
  /** How it is offered; `undefined`: as configured. */
  readonly layout: BootLayout | undefined;
  readonly plugin: string;
} & (
  | {
      readonly kind: 'file';
      /** Name under the root; the file need not exist. */
      readonly name: string;
    }
  | {
      readonly kind: 'url';
      /** `http:` or `https:` */
      readonly url: string;
    }
  /** From the local disk, now. */
  | { readonly kind: 'disk' }
);

/** The route of a boot request. Without `boot` and `error`, no plugin answered, and the machine gets no offer. */
export type BootRoute<Asked extends BootRequest = BootRequest> = { readonly request: Asked } & (
  | { readonly boot: Boot | undefined; readonly error?: undefined }
  | { readonly error: Refusal; readonly boot?: undefined }
);

/** The route of a read request. `request` is the final request, with the client's facts and the rewritten name. */
export type ReadRoute<Asked extends ReadRequest = ReadRequest> = { readonly request: Asked } & (
  | (Opened & { readonly error?: undefined })
  | { readonly error: Refusal; readonly content?: undefined; readonly served?: undefined }
);

/** The route of a write request. Without `sink` and `error`, no plugin accepted it, and the config's `uploads` decide. */
export type WriteRoute<Asked extends WriteRequest = WriteRequest> = { readonly request: Asked } & (
  | { readonly sink: Sink | undefined; readonly plugin: string | undefined; readonly error?: undefined }
  | { readonly error: Refusal; readonly sink?: undefined }
);

/** The name of a file's content: its path under the root, if it was opened there. */
export function fileName(content: Content): string | undefined {
  const { name } = content as Content & { name?: unknown };
  return typeof name === 'string' && !openedElsewhere.has(content) ? name : undefined;
}

const openedElsewhere = new WeakSet<Content>();

/** A plugin's own folder. Names in it, such as those of a cache, mean nothing to people, so they are not shown. */
export function otherFolder(folder: Folder): Folder {
  return {
    async open(name) {
      const content = await folder.open(name);
      if (content) openedElsewhere.add(content);
      return content;
    },
    has: (name) => folder.has(name),
    spelling: (name) => folder.spelling(name),
    list: (name) => folder.list(name),
  };
}

/** For traces: `ipxe.efi`, `http://192.168.7.1/ipxe.efi`, `disk`; with the layout, if given. */
export function describeBoot(boot: Boot): string {
  const what = boot.kind === 'file' ? boot.name : boot.kind === 'url' ? boot.url : 'disk';
  return boot.layout === undefined ? what : `${what}, layout ${boot.layout}`;
}

/** For traces: `ipxe/snponly.efi (1024 bytes)` */
export function describeOpened({ content: { size }, served }: Opened): string {
  return `${served} (${size === undefined ? 'size unknown' : `${size} bytes`})`;
}
