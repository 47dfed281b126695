/**
 * What a plugin sees of the server, and what the server sees of a plugin. Types only.
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

/** What tells a machine from others. */
export type FactName = 'mac' | 'uuid' | 'serial';

/** An `identify` hook's answer: one fact or several, and where they are known from. Boot protocols carry few of them. */
export interface Identity {
  /** MAC address: six octets in hex, any usual spelling; kept as `52:54:00:12:34:56`. */
  readonly mac?: string;
  /** SMBIOS UUID, kept in lower case: `b1c65f1a-2b5d-4f0e-9c55-0123456789ab`. */
  readonly uuid?: string;
  /** Serial number, as a Raspberry Pi puts it before its names; kept in lower case, and of 16 hex digits the last eight. */
  readonly serial?: string;
  /** {@link Client.firmware}, where the source knows it. */
  readonly firmware?: Firmware;
  /** {@link Client.arch}, the same. */
  readonly arch?: number;
  /** Where it is known from, for logs and for `trust`: `table`, `neighbours`, `filename`, … */
  readonly source: string;
  /** Milliseconds since the source learnt it, where the source can tell. */
  readonly ageMs?: number;
}

/** What a plugin's `identify` can find out, for `pxe check` and `pxe explain`. */
export interface IdentitySource {
  /** {@link Identity.source}; left out by a plugin that may answer with any. */
  readonly source?: string;
  readonly tells: readonly ('mac' | 'uuid' | 'serial')[];
}

/** Who asks. */
export interface Client {
  /** IPv4 or IPv6 address, with a zone (`fe80::1%eth0`) where it needs one. */
  readonly address: string;
  readonly port: number;
  /** `52:54:00:12:34:56`, if an `identify` hook knew it. */
  readonly mac?: string;
  /** Where the MAC address is known from: {@link Identity.source}. */
  readonly macSource?: string;
  /** {@link Identity.ageMs} */
  readonly macAgeMs?: number;
  readonly uuid?: string;
  /** The same as for the MAC address: each fact has a source of its own. */
  readonly uuidSource?: string;
  readonly uuidAgeMs?: number;
  readonly serial?: string;
  readonly serialSource?: string;
  readonly serialAgeMs?: number;
  /** The firmware, or the iPXE, that asked by DHCP last. */
  readonly firmware?: Firmware;
  /** Its processor architecture type (DHCP option 93), which tells what iPXE runs on: 7 is x64 UEFI. */
  readonly arch?: number;
  /** Which of the config's machines it is, if a `host` hook knew it. */
  readonly host?: Host;
}

/** A machine, or a kind of machine, that the config knows. */
export interface Host {
  /** What the config calls it. */
  readonly name: string;
  /** The groups that it belongs to, the narrowest first. */
  readonly groups: readonly string[];
  /** Its own, then its groups': for generated content. */
  readonly variables: Readonly<Record<string, unknown>>;
  /**
   * Facts that it rests on, for `trust`: a list for each part of the config that makes it up, any fact of which would have been
   * enough. Parts that go by nothing that an `identify` hook says (an address, a network, a name, `default`) are left out.
   */
  readonly restsOn?: readonly (readonly FactName[])[];
}

/** What every request has, whatever its protocol. */
export interface RequestFields {
  readonly client: Client;
  /** The server's address and port that the client sent to. */
  readonly local: { readonly address: string; readonly port: number };
  /** The name as the client spelt it. Untrusted text. */
  readonly asked: string;
  /**
   * The name to look for, relative to the root, cleaned of what clients get wrong: `boot/grub.cfg`. Never holds `..`. Before every
   * `rewrite` has been asked it may be one that no file can have: empty, or with control characters.
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

/** What a machine has to be told to load, as it asks by DHCP: it asks for no name. */
export interface BootFields extends RequestFields {
  readonly kind: 'boot';
}

/**
 * The requests of each protocol by its name. A protocol adds its own (`declare module`), each with `protocol`, the name, and a field of
 * that name for what is particular to it.
 */
// biome-ignore lint/suspicious/noEmptyInterface: each protocol adds to it
export interface RequestByProtocol {}

/** A request that a client has sent. `protocol` tells the protocol, and with it which particulars there are. */
export type Request = RequestByProtocol[keyof RequestByProtocol];

/** A request to read. */
export type ReadRequest = Extract<Request, { readonly kind: 'read' }>;

/** A request to write. */
export type WriteRequest = Extract<Request, { readonly kind: 'write' }>;

/** A request for a file's bytes, or with them. */
export type FileRequest = ReadRequest | WriteRequest;

/** A request for what to boot. */
export type BootRequest = Extract<Request, { readonly kind: 'boot' }>;

/**
 * What a machine is to load: the name of a file under the root, which goes by TFTP, or by HTTP to firmware that takes URLs, if both
 * are served; an `http:` or `https:` URL; or `'disk'`: boot from the local disk now. The layout is the config's unless it is said.
 */
export type BootAnswer = string | { readonly file: string; readonly layout?: BootLayout | undefined };

/** What the process remembers of a machine: the last that it said by DHCP. */
export interface Sighting {
  readonly mac?: string | undefined;
  readonly uuid?: string | undefined;
  readonly serial?: string | undefined;
  readonly firmware?: Firmware | undefined;
  readonly arch?: number | undefined;
  readonly address?: string | undefined;
  /** Name of the service that has seen it: `dhcp`. */
  readonly service: string;
  /** Milliseconds since then. */
  readonly ageMs: number;
}

/** The machines that the process has seen; it outlives generations. */
export interface SightingsView {
  /** The machine that last had this IP address, or has asked for it. */
  byAddress(address: string): Sighting | undefined;
}

/** Stands for a machine that the config lists and that has sent nothing: it asks for no name. */
export interface ListedRequest extends ReadFields {
  readonly protocol: 'none';
}

/** What `identify` and `host` see: a request as it came in. The client's MAC address may not be known yet. */
export type RequestInfo = Request | ListedRequest;

/** What `rewrite` sees: it returns a changed copy, `{ ...request, name: 'other' }`. */
export type RewriteRequest = FileRequest;

/** Files under one folder. A name that leaves the folder is refused (`forbidden`), whatever it is made of. */
export interface Folder {
  /** Opens a file; `undefined` if there is none of that name. Whoever opens it returns it from `open` or closes it. */
  open(name: string): Promise<Content | undefined>;
  /** Whether there is a file that `open` would open. */
  has(name: string): Promise<boolean>;
  /** How the name of a file is spelt, upper and lower case aside; the exact spelling first. `undefined` if there is none. */
  spelling(name: string): Promise<string | undefined>;
  /** The names in a folder below this one; `undefined` if there is no such folder. For `pxe check`. */
  list(name: string): Promise<readonly string[] | undefined>;
}

/** What comes along with each call of a hook. */
export interface Call {
  /** Aborted when the hook's time is up or the client has gone. */
  readonly signal: AbortSignal;
  /** Bound to plugin and transfer. */
  readonly log: Log;
  /** The config's root directory. */
  readonly root: Folder;
  /** What the config's plugins can find out of a client's identity. */
  readonly sources: readonly IdentitySource[];
  /** Puts a word about the answer into the trace, for `pxe explain`: why it is this one. */
  note(text: string): void;
}

/** What comes along with `check`. */
export interface CheckCall extends Call {
  /** The machines that the config lists, each as a request of it would have it, `host` included. */
  clients(): Promise<readonly Client[]>;
}

/** A machine that a config lists, for `pxe explain --all-hosts`. */
export interface Machine {
  readonly name: string;
  readonly mac?: string;
  readonly uuid?: string;
  readonly serial?: string;
  readonly address?: string;
  /** Names that the config expects it to ask for; those found by pattern are left out. */
  readonly names: readonly string[];
  /** Differs where the machine gets something else: for the line of a reload, which counts the machines that have changed. */
  readonly fingerprint?: string;
}

/** What `pxe check` finds that will not work, or not as it seems. */
export interface Finding {
  /**
   * `error`: a machine will not get what is written here. `warning`: it works, but perhaps not as was meant.
   * `note`: nothing is wrong; what the plugin has found, so that the reader can tell whether it is what was meant.
   */
  readonly severity: 'error' | 'warning' | 'note';
  /** Key path within the plugin's options: `['52:54:00:12:34:56', 'files', 'boot.efi']`. */
  readonly path: readonly PropertyKey[];
  /** What is wrong, and what to do; lower case, no period. */
  readonly message: string;
  /** Where it stands, if not in the config: a data file, a template, a map file. */
  readonly file?: string;
  /** Counts from 1. */
  readonly line?: number;
}

/** A request that has just got its answer. */
export interface ExchangeInfo {
  /** Unique in this process. */
  readonly id: number;
  readonly request: Request;
  /** What is sent, for people: a path under the root, or `plugin:<name>`. `undefined` for an upload, and where nothing was found. */
  readonly served: string | undefined;
  /** Bytes, where known. */
  readonly size: number | undefined;
  /** Number of the config generation it belongs to. */
  readonly generation: number;
}

/**
 * How an exchange ended.
 * - `completed`: every byte was acknowledged (but see `tftp.lastAckMissing`);
 * - `probed`: the client only asked for the size and said so by ERROR 8 or 0 after our OACK; not a failure;
 * - `aborted`: the client gave up later on, by an ERROR;
 * - `refused`: answered by our ERROR;
 * - `failed`: no answer, or the content could not be read.
 */
export type Outcome = 'completed' | 'probed' | 'aborted' | 'refused' | 'failed';

/** The error that ended an exchange, or would have if the client were still there. */
export interface ExchangeError {
  /** The protocol's own: of TFTP, that of the ERROR. */
  readonly code?: number;
  readonly message: string;
  /** Why, whatever the protocol; `undefined` for what the client says, and for what concerns the protocol alone. */
  readonly reason?: EndReason | undefined;
  /** What the client is not told, such as the operating system's words. */
  readonly cause?: string | undefined;
}

/** What the end of an exchange tells beside, by protocol: each adds its own, as to {@link RequestByProtocol}. */
// biome-ignore lint/suspicious/noEmptyInterface: each protocol adds to it
export interface SummaryByProtocol {}

/** An exchange that has ended. */
export interface ExchangeSummary extends ExchangeInfo, SummaryByProtocol {
  readonly outcome: Outcome;
  /** Content bytes acknowledged (read) or stored (write). */
  readonly bytes: number;
  /** From the request to the end. */
  readonly durationMs: number;
  /** What ended it: ours when `refused` or `failed`, the client's when `probed` or `aborted`. The client's text is untrusted. */
  readonly error: ExchangeError | undefined;
}

/**
 * What a plugin answers. Every hook is optional, and the hook decides how the answers of several plugins combine;
 * they are asked in the order of the config.
 *
 * A `Refusal` thrown by `identify`, `host`, `rewrite`, `open` or `store` is the answer on the wire; DHCP has none, and stays silent. Anything else, or no answer
 * within `limits.hookMs`, is `internal` for that request alone and a `PluginError` in the log.
 */
export interface Hooks {
  /**
   * Which machine asks? Of each fact the first answer wins; what is known so far stands in `request.client`, also what
   * `pxe explain --mac` gives (source `given`). Returns a list where facts have different sources. Not called once all facts are known.
   */
  identify?(request: RequestInfo, call: Call): Awaitable<Identity | readonly Identity[] | undefined | void>;
  /** What can `identify` find out? Left out: anything. For `pxe check` and `pxe explain`; asked once, after all `setup`s. */
  sources?(): readonly IdentitySource[];
  /** Which of the config's machines is that? The first answer wins. */
  host?(request: RequestInfo, call: Call): Awaitable<Host | undefined | void>;
  /**
   * What is the machine to load? The first answer wins; where there is none, the machine gets no offer. The file need not exist yet:
   * `pxe check` looks.
   */
  boot?(request: BootRequest, call: Call): Awaitable<BootAnswer | undefined | void>;
  /**
   * What is meant? Each plugin gets what the one before it returned. Only the name can be changed; it is cleaned like a client's.
   * Uploads are asked about, too: `request.kind` tells.
   */
  rewrite?(request: RewriteRequest, call: Call): Awaitable<RewriteRequest | undefined | void>;
  /** Which bytes? A name under the root, the bytes, or Content. The first answer wins; the root directory comes last. */
  open?(request: ReadRequest, call: Call): Awaitable<string | Uint8Array | Content | undefined | void>;
  /** Where do uploaded bytes go? A Sink, or another name for `uploads` of the config. The first answer wins; `uploads` come last. */
  store?(request: WriteRequest, call: Call): Awaitable<string | Sink | undefined | void>;
  /** Told that a transfer begins; can neither change nor stop it. */
  start?(transfer: ExchangeInfo, call: Call): Awaitable<void>;
  /** Told that a request has ended, refused ones too. */
  end?(transfer: ExchangeSummary, call: Call): Awaitable<void>;
  /** Which machines are listed? For `pxe explain --all-hosts`, and for the line that a reload has in the log. */
  machines?(call: Call): Awaitable<Iterable<Machine>>;
  /** Which names does it answer for every machine, whoever that is? Patterns are left out. For `pxe explain --all-hosts`. */
  names?(call: Call): Awaitable<Iterable<string>>;
  /** What will not work, or not as it seems? For `pxe check`, and once after a reload. */
  check?(call: CheckCall): Awaitable<Iterable<Finding>>;
}

/** What `setup` gets beside its options. */
export interface PluginContext {
  readonly log: Log;
  /** The folder of the config file: relative paths in options start here. */
  readonly configDir: string;
  /** Runs when the generation is disposed of, after its last transfer; last in, first out; also after a `setup` that failed half-way. */
  onDispose(dispose: () => Awaitable<void>): void;
  /**
   * Something that outlives this generation: made by the first one that asks for it under this name, handed on to the same plugin
   * of later ones, and given back (`dispose`) when no generation uses it any more. For what a reload must not cut in two.
   */
  keep<T extends Kept>(name: string, make: () => T): T;
  /** What the server has counted and measured since it was made: it outlives every generation. */
  stats(): StatsSnapshot;
  /** The machines that the server has seen since it was made: empty where no service sees any. */
  readonly sightings: SightingsView;
  /** A change of this file makes a new generation. Relative to `configDir`. */
  watch(path: string): void;
  /** A folder other than the root, confined like it. Relative to `configDir`. */
  folder(path: string): Folder;
  /** The config's `caseInsensitive`: names that a plugin compares are then to be compared without regard to case. */
  readonly caseInsensitive: boolean;
  /**
   * Takes mistakes in data that serving could not go on with; `setup` then goes on with what is right. Only `pxe check` gives it,
   * so that it can tell everything at once: where it is missing, throw a `ConfigError`.
   */
  readonly tolerate?: ((issues: readonly Issue[]) => void) | undefined;
}
