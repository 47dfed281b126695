/**
 * Where a request leads: what the pipeline is given with one and what it gives back.
 */

import type { Signal } from '../base/abort.ts';
import type { BootLayout } from '../base/boot-layout.ts';
import type { Log } from '../base/log.ts';
import type { Refusal } from '../base/refusal.ts';
import type { Content, Sink } from '../content/content.ts';
import type { Describe, Trace } from './trace.ts';
import type { BootRequest, Folder, ReadRequest, WriteRequest } from './types.ts';

/** What goes along with one request. */
export interface RouteOptions {
  /** The client has gone, or the server stops: no answer is wanted any more. */
  readonly signal?: Signal | undefined;
  /** Bound to the transfer. */
  readonly log?: Log | undefined;
  /** The name is one that no file can have: the answer, unless a `rewrite` makes another one of it. */
  readonly unservable?: Refusal | undefined;
  /** Filled on the way, if it is given. */
  readonly trace?: Trace | undefined;
  /** Default: {@link describeError}'s own. */
  readonly describe?: Describe | undefined;
}

/** What a client gets. Whoever takes it closes `content`. */
export interface Opened {
  readonly content: Content;
  /** For people: a path under the root, or `plugin:<name>`. */
  readonly served: string;
  /** Whose answer it is; `undefined`: nobody's, the root directory had it. */
  readonly plugin: string | undefined;
}

/** What takes an upload. */
export interface Stored {
  /** Or the name under which `uploads` are to keep it. */
  readonly sink: string | Sink;
  readonly plugin: string;
}

/** What a machine is to load. */
export type Boot = {
  /** How it is offered; `undefined`: as the config has it. */
  readonly layout: BootLayout | undefined;
  readonly plugin: string;
} & (
  | {
      readonly kind: 'file';
      /** Under the root; there need not be such a file. */
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

/** Where a request for what to boot leads. No `boot` and no `error`: no plugin answers, and the machine gets no offer. */
export type BootRoute<Asked extends BootRequest = BootRequest> = { readonly request: Asked } & (
  | { readonly boot: Boot | undefined; readonly error?: undefined }
  | { readonly error: Refusal; readonly boot?: undefined }
);

/** Where a request to read leads. `request` is what it has become: the client's MAC address filled in, the name rewritten. */
export type ReadRoute<Asked extends ReadRequest = ReadRequest> = { readonly request: Asked } & (
  | (Opened & { readonly error?: undefined })
  | { readonly error: Refusal; readonly content?: undefined; readonly served?: undefined }
);

/** Where a request to write leads. No `sink` and no `error`: no plugin takes it, the config's `uploads` decide. */
export type WriteRoute<Asked extends WriteRequest = WriteRequest> = { readonly request: Asked } & (
  | { readonly sink: Sink | undefined; readonly plugin: string | undefined; readonly error?: undefined }
  | { readonly error: Refusal; readonly sink?: undefined }
);

/** A file's content carries its name: that under the root, for what was opened there. */
export function fileName(content: Content): string | undefined {
  const { name } = content as Content & { name?: unknown };
  return typeof name === 'string' && !openedElsewhere.has(content) ? name : undefined;
}

const openedElsewhere = new WeakSet<Content>();

/** A folder of a plugin's own: names in it, of a cache perhaps, tell people nothing. */
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

/** For traces: `ipxe.efi`, `http://192.168.7.1/ipxe.efi`, `disk`; with the layout, where it is said. */
export function describeBoot(boot: Boot): string {
  const what = boot.kind === 'file' ? boot.name : boot.kind === 'url' ? boot.url : 'disk';
  return boot.layout === undefined ? what : `${what}, layout ${boot.layout}`;
}

/** For traces: `ipxe/snponly.efi (1024 bytes)` */
export function describeOpened({ content: { size }, served }: Opened): string {
  return `${served} (${size === undefined ? 'size unknown' : `${size} bytes`})`;
}
