/**
 * The interface between the server and its plugins. Types only.
 */

import type { Awaitable } from '../base/awaitable.ts';
import type { BootLayout } from '../base/boot-layout.ts';
import type { Firmware } from '../base/firmware.ts';
import type { Issue } from '../base/issue.ts';
import type { Log } from '../base/log.ts';
import type { EndReason } from '../base/refusal.ts';
import type { Content, Sink } from '../content/content.ts';
import type { StatsSnapshot } from '../stats/stats.ts';
import type { Kept } from './kept.ts';

/** A fact that identifies a machine. */
export type FactName = 'mac' | 'uuid' | 'serial';

/** The answer of an `identify` hook: one fact or several, and their source. Boot protocols carry few of these facts. */
export interface Identity {
  /** MAC address: six octets in hex, any usual spelling; kept as `52:54:00:12:34:56`. */
  readonly mac?: string;
  /** SMBIOS UUID, kept in lower case: `b1c65f1a-2b5d-4f0e-9c55-0123456789ab`. */
  readonly uuid?: string;
  /**
   * Serial number, as a Raspberry Pi puts it before its names. Kept in lower case; of 16 hex digits only the last eight are kept.
   */
  readonly serial?: string;
  /** {@link Client.firmware}, if the source knows it. */
  readonly firmware?: Firmware;
  /** {@link Client.arch}, the same. */
  readonly arch?: number;
  /** The source, for logs and for `trust`: `table`, `neighbours`, `filename`, … */
  readonly source: string;
  /** Milliseconds since the source learnt it, if the source knows. */
  readonly ageMs?: number;
}

/** The facts that a plugin's `identify` can find, for `pxe check` and `pxe explain`. */
export interface IdentitySource {
  /** {@link Identity.source}; omitted by a plugin whose answers may have any source. */
  readonly source?: string;
  readonly tells: readonly ('mac' | 'uuid' | 'serial')[];
}

/** The client of a request. */
export interface Client {
  /** IPv4 or IPv6 address, with a zone (`fe80::1%eth0`) if needed. */
  readonly address: string;
  readonly port: number;
  /** `52:54:00:12:34:56`, if an `identify` hook found it. */
  readonly mac?: string;
  /** Source of the MAC address: {@link Identity.source}. */
  readonly macSource?: string;
  /** {@link Identity.ageMs} */
  readonly macAgeMs?: number;
  readonly uuid?: string;
  /** The same as for the MAC address: each fact has its own source. */
  readonly uuidSource?: string;
  readonly uuidAgeMs?: number;
  readonly serial?: string;
  readonly serialSource?: string;
  readonly serialAgeMs?: number;
  /** The firmware, or iPXE, that sent the last DHCP request. */
  readonly firmware?: Firmware;
  /** Its architecture type (DHCP option 93), which also says what iPXE runs on: 7 is x64 UEFI. */
  readonly arch?: number;
  /** The machine's entry in the config, if a `host` hook found it. */
  readonly host?: Host;
}

/** A machine, or a kind of machine, in the config. */
export interface Host {
  /** Its name in the config. */
  readonly name: string;
  /** Its groups, the most specific first. */
  readonly groups: readonly string[];
  /** Variables for generated content: its own, then its groups'. */
  readonly variables: Readonly<Record<string, unknown>>;
  /**
   * Facts that it was found by, for `trust`: one list for each part of the config that contributes to it. Each fact of a list
   * would have been sufficient. Parts that match without facts of an `identify` hook (by an address, a network, a name,
   * `default`) are omitted.
   */
  readonly restsOn?: readonly (readonly FactName[])[];
}

/** What requests of all protocols have. */
export interface RequestFields {
  readonly client: Client;
  /** The server's address and port that the client sent the request to; for a broadcast, the address that the answer comes from. */
  readonly local: { readonly address: string; readonly port: number };
  /** The name as the client spelt it. Untrusted text. */
  readonly asked: string;
  /**
   * The name to look up, relative to the root, with clients' mistakes corrected: `boot/grub.cfg`. Never contains `..`. Until all
   * `rewrite` hooks have been called, it may be a name that no file can have: empty, or with control characters.
   */
  readonly name: string;
}

export interface ReadFields extends RequestFields {
  readonly kind: 'read';
}

export interface WriteFields extends RequestFields {
  readonly kind: 'write';
  /** Bytes that the client says it will send; a claim, not a fact. */
  readonly size: number | undefined;
}

/** A DHCP request for what to boot; it has no file name. */
export interface BootFields extends RequestFields {
  readonly kind: 'boot';
}

/**
 * The requests of each protocol by its name. A protocol adds its own (`declare module`), each with `protocol`, the name, and a
 * field of that name for its particulars.
 */
// biome-ignore lint/suspicious/noEmptyInterface: each protocol adds to it
export interface RequestByProtocol {}

/** A request of a client. `protocol` determines the protocol and thus the particulars. */
export type Request = RequestByProtocol[keyof RequestByProtocol];

/** A request to read. */
export type ReadRequest = Extract<Request, { readonly kind: 'read' }>;

/** A request to write. */
export type WriteRequest = Extract<Request, { readonly kind: 'write' }>;

/** A request to read or write a file. */
export type FileRequest = ReadRequest | WriteRequest;

/** A request for what to boot. */
export type BootRequest = Extract<Request, { readonly kind: 'boot' }>;

/**
 * What a machine loads: a file name under the root, offered by TFTP, or by HTTP to firmware that takes URLs, if both are served;
 * an `http:` or `https:` URL; or `'disk'`: boot from the local disk now. The layout is the configured one unless given.
 */
export type BootAnswer = string | { readonly file: string; readonly layout?: BootLayout | undefined };

/** What the process remembers of a machine's last DHCP request. */
export interface Sighting {
  readonly mac?: string | undefined;
  readonly uuid?: string | undefined;
  readonly serial?: string | undefined;
  readonly firmware?: Firmware | undefined;
  readonly arch?: number | undefined;
  readonly address?: string | undefined;
  /** Name of the service that saw it: `dhcp`. */
  readonly service: string;
  /** Milliseconds since then. */
  readonly ageMs: number;
}

/** The machines that the process has seen; they are kept across generations. */
export interface SightingsView {
  /** The machine that last had or requested this IP address. */
  byAddress(address: string): Sighting | undefined;
}

/** Represents a machine that the config lists, without a real request: it has no name. */
export interface ListedRequest extends ReadFields {
  readonly protocol: 'none';
}

/** The input of `identify` and `host`: a request as received. The client's MAC address may not be known yet. */
export type RequestInfo = Request | ListedRequest;

/** The input of `rewrite`, which returns a changed copy: `{ ...request, name: 'other' }`. */
export type RewriteRequest = FileRequest;

/** Files under one folder. A name that leaves the folder is refused (`forbidden`), however it is composed. */
export interface Folder {
  /** Opens a file; `undefined` if it does not exist. The caller must return it from `open` or close it. */
  open(name: string): Promise<Content | undefined>;
  /** Whether `open` would open a file. */
  has(name: string): Promise<boolean>;
  /**
   * The spelling of a file name on disk, found without regard to case; the exact spelling takes precedence. `undefined` if the
   * file does not exist.
   */
  spelling(name: string): Promise<string | undefined>;
  /** The names in a folder below this one; `undefined` if it does not exist. For `pxe check`. */
  list(name: string): Promise<readonly string[] | undefined>;
}

/** The second argument of each hook call. */
export interface Call {
  /** Aborted when the hook's time is up or the client has gone. */
  readonly signal: AbortSignal;
  /** A log bound to the plugin and the transfer. */
  readonly log: Log;
  /** The config's root directory. */
  readonly root: Folder;
  /** The sources of client facts in the config's plugins. */
  readonly sources: readonly IdentitySource[];
  /** Adds a note to the trace, for `pxe explain`: why the answer is this one. */
  note(text: string): void;
}

/** The argument of `check`. */
export interface CheckCall extends Call {
  /** The machines that the config lists, each as the client of a request, with `host`. */
  clients(): Promise<readonly Client[]>;
}

/** A machine that a config lists, for `pxe explain --all-hosts`. */
export interface Machine {
  readonly name: string;
  readonly mac?: string;
  readonly uuid?: string;
  readonly serial?: string;
  readonly address?: string;
  /** Names that the config expects it to request; names that match only patterns are omitted. */
  readonly names: readonly string[];
  /** Changes if the machine gets something else; a reload's line counts the changed machines. */
  readonly fingerprint?: string;
}

/** A finding of `pxe check`: something that will not work, or not as it seems to. */
export interface Finding {
  /**
   * `error`: a machine will not get what is written here. `warning`: it works, but perhaps not as intended. `note`: nothing is
   * wrong; it states what the plugin has found, for the reader to verify.
   */
  readonly severity: 'error' | 'warning' | 'note';
  /** Key path within the plugin's options: `['52:54:00:12:34:56', 'files', 'boot.efi']`. */
  readonly path: readonly PropertyKey[];
  /** What is wrong and what to do; lower case, no period. */
  readonly message: string;
  /** The file that it concerns, if not the config: a data file, a template, a map file. */
  readonly file?: string;
  /** Counts from 1. */
  readonly line?: number;
}

/** A request whose answer has just been found. */
export interface ExchangeInfo {
  /** Unique in this process. */
  readonly id: number;
  readonly request: Request;
  /** What is sent, for people: a path under the root, or `plugin:<name>`. `undefined` for an upload, and if no file was found. */
  readonly served: string | undefined;
  /** Bytes, if known. */
  readonly size: number | undefined;
  /** Number of the config generation it belongs to. */
  readonly generation: number;
}

/**
 * How an exchange ended.
 * - `completed`: every byte was acknowledged (but see `tftp.lastAckMissing`);
 * - `probed`: the client only asked for the size: by TFTP it says so by ERROR 8 or 0 after our OACK, by HTTP it sends HEAD;
 * - `aborted`: the client gave up later, by an ERROR;
 * - `refused`: answered by our ERROR;
 * - `failed`: no answer, or the content could not be read.
 */
export type Outcome = 'completed' | 'probed' | 'aborted' | 'refused' | 'failed';

/** The error that ended an exchange, or would have ended it if the client had not gone. */
export interface ExchangeError {
  /** The protocol's own code: with TFTP, that of the ERROR. */
  readonly code?: number;
  readonly message: string;
  /** The reason, independent of the protocol; `undefined` for an error sent by the client or specific to the protocol. */
  readonly reason?: EndReason | undefined;
  /** Details that the client is not told, such as the operating system's message. */
  readonly cause?: string | undefined;
}

/** Particulars of an exchange's summary by protocol; each adds its own, as to {@link RequestByProtocol}. */
// biome-ignore lint/suspicious/noEmptyInterface: each protocol adds to it
export interface SummaryByProtocol {}

/** An exchange that has ended. */
export interface ExchangeSummary extends ExchangeInfo, SummaryByProtocol {
  readonly outcome: Outcome;
  /** Content bytes acknowledged (read) or stored (write). */
  readonly bytes: number;
  /** Milliseconds from the request to the end. */
  readonly durationMs: number;
  /**
   * The error that ended it: ours if `refused` or `failed`, the client's if `probed` or `aborted`. The client's text is
   * untrusted.
   */
  readonly error: ExchangeError | undefined;
}

/**
 * The hooks of a plugin. Each is optional, and determines how the answers of several plugins combine. Plugins are asked in the
 * order of the config.
 *
 * A `Refusal` thrown by `identify`, `host`, `rewrite`, `open` or `store` is the answer on the wire; DHCP has no such answer, so
 * the server stays silent. Any other error, or a timeout of `limits.hookMs`, is `internal` for that request alone and a
 * `PluginError` in the log.
 */
export interface Hooks {
  /**
   * Which machine sent the request? For each fact the first answer wins. `request.client` has the facts known so far, including
   * those of `pxe explain --mac` (source `given`). Return a list if facts have different sources. Not called once all facts are
   * known.
   */
  identify?(request: RequestInfo, call: Call): Awaitable<Identity | readonly Identity[] | undefined | void>;
  /** What can `identify` find? Default: any fact. For `pxe check` and `pxe explain`; called once, after all `setup`s. */
  sources?(): readonly IdentitySource[];
  /** Which entry of the config is the machine? The first answer wins. */
  host?(request: RequestInfo, call: Call): Awaitable<Host | undefined | void>;
  /**
   * What does the machine load? The first answer wins; without one, the machine gets no offer. The file need not exist yet: `pxe
   * check` verifies that it does.
   */
  boot?(request: BootRequest, call: Call): Awaitable<BootAnswer | undefined | void>;
  /**
   * Which name is meant? Each plugin gets what the previous one returned. Only the name can be changed; it is cleaned like a
   * client's. It is called for uploads, too: see `request.kind`.
   */
  rewrite?(request: RewriteRequest, call: Call): Awaitable<RewriteRequest | undefined | void>;
  /** Which bytes are sent? A name under the root, the bytes, or Content. The first answer wins; the root directory comes last. */
  open?(request: ReadRequest, call: Call): Awaitable<string | Uint8Array | Content | undefined | void>;
  /** Where do uploaded bytes go? A Sink, or another name for `uploads` of the config. The first answer wins; `uploads` come last. */
  store?(request: WriteRequest, call: Call): Awaitable<string | Sink | undefined | void>;
  /** Called when a transfer begins; it can neither change nor stop it. */
  start?(transfer: ExchangeInfo, call: Call): Awaitable<void>;
  /** Called when a request has ended or was refused. */
  end?(transfer: ExchangeSummary, call: Call): Awaitable<void>;
  /** Which machines are listed? For `pxe explain --all-hosts` and for the log line of a reload. */
  machines?(call: Call): Awaitable<Iterable<Machine>>;
  /** Which names does the plugin answer for every machine? Patterns are omitted. For `pxe explain --all-hosts`. */
  names?(call: Call): Awaitable<Iterable<string>>;
  /** What will not work, or not as it seems to? For `pxe check`, and called once after a reload. */
  check?(call: CheckCall): Awaitable<Iterable<Finding>>;
}

/** What `setup` gets besides its options. */
export interface PluginContext {
  readonly log: Log;
  /** The folder of the config file: relative paths in options start here. */
  readonly configDir: string;
  /**
   * Registers a function that is called when the generation is disposed of, after its last transfer; last in, first out; also
   * after a failed `setup`.
   */
  onDispose(dispose: () => Awaitable<void>): void;
  /**
   * Returns a value that outlives this generation: the first generation that asks for this name creates it, the same plugin of
   * later generations gets it, and `dispose` is called when no generation uses it any more. For state that must survive a reload.
   */
  keep<T extends Kept>(name: string, make: () => T): T;
  /** The server's counters and measurements since it was created, across all generations. */
  stats(): StatsSnapshot;
  /** The machines that the server has seen since it was created; empty if no service sees any. */
  readonly sightings: SightingsView;
  /** Watches a file: a change causes a reload. Relative to `configDir`. */
  watch(path: string): void;
  /** A folder other than the root, confined like it. Relative to `configDir`. */
  folder(path: string): Folder;
  /** The config's `caseInsensitive`: if true, plugins must compare names without regard to case. */
  readonly caseInsensitive: boolean;
  /**
   * Takes mistakes that would prevent serving, so that `setup` can continue with the valid data. Only `pxe check` provides it, to
   * report all problems at once; without it, throw a `ConfigError`.
   */
  readonly tolerate?: ((issues: readonly Issue[]) => void) | undefined;
}
