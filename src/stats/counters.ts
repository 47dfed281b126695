/**
 * Every metric, one line each. Code refers to metrics by these names, and `server.stats()` returns them. A name is a family and,
 * after a dot, the member; if the quantity is not a plain count, the family ends with its unit. Names never contain client
 * input.
 */
import { BYTES, SECONDS } from './histogram.ts';

/** Metrics that only increase. */
export const COUNTERS = {
  'requests.read': { unit: 'requests', help: 'requests to read; those beyond a limit count as drops' },
  'requests.write': { unit: 'requests', help: 'requests to write; those beyond a limit count as drops' },
  'requests.boot': { unit: 'requests', help: 'requests of machines that ask what to boot' },
  'requests.repeated': { unit: 'requests', help: 'requests that a client sent again' },
  'outcomes.completed': { unit: 'requests', help: 'requests that ended with the whole file transferred' },
  'outcomes.probed': { unit: 'requests', help: 'requests from clients that only wanted the size' },
  'outcomes.aborted': { unit: 'requests', help: 'requests that the client aborted' },
  'outcomes.refused': { unit: 'requests', help: 'requests that the server refused' },
  'outcomes.failed': { unit: 'requests', help: 'requests that failed for another reason' },
  'bytes.sent': { unit: 'bytes', help: 'bytes of files that clients acknowledged, counted when a request ends' },
  'bytes.received': { unit: 'bytes', help: 'bytes of uploads, counted when a request ends' },
  'packets.resent': { unit: 'packets', help: 'packets sent again, counted when a request ends' },
  'drops.malformed': { unit: 'datagrams', help: 'datagrams that cannot be parsed as TFTP' },
  'drops.not-listening': { unit: 'datagrams', help: 'requests to a port that only transfers use' },
  'drops.unknown-transfer': { unit: 'datagrams', help: 'datagrams of a transfer that does not exist, or has ended' },
  'drops.too-many-transfers': { unit: 'datagrams', help: 'requests beyond `tftp.limits.transfers`' },
  'drops.too-many-transfers-of-address': { unit: 'datagrams', help: 'requests beyond `tftp.limits.transfersPerClient`' },
  'budget.held': { unit: 'replies', help: 'first replies that waited until the budget of unproven clients covered them' },
  'budget.refused': {
    unit: 'replies',
    help: 'other replies to unproven clients that were not sent because the budget did not cover them',
  },
  'cache.hits': { unit: 'segments', help: 'segments of files that were in memory (`cacheBytes`) when a transfer needed them' },
  'cache.misses': { unit: 'segments', help: 'segments that were not in memory: they had to be read, or were being read already' },
  'reads.page-cache': {
    unit: 'segments',
    help: 'segments that the data thread read directly, because they were in the page cache',
  },
  'reads.content-thread': {
    unit: 'segments',
    help: 'segments that the content thread read, because they had to come from the disk',
  },
  'reads.main-thread': {
    unit: 'segments',
    help: 'segments that the main thread read: those of small files, and all with the portable transport',
  },
  'uploads.stored': { unit: 'uploads', help: 'uploads that were stored under `uploads.dir`' },
  'uploads.aborted': { unit: 'uploads', help: 'uploads that were started there and then removed' },
  'upload-bytes.stored': { unit: 'bytes', help: 'bytes of the uploads that were stored' },
  'upload-bytes.aborted': { unit: 'bytes', help: 'bytes of the uploads that were removed' },
  'reloads.succeeded': { unit: 'reloads', help: 'reloads that put a new config in force' },
  'reloads.failed': { unit: 'reloads', help: 'reloads that failed, so that the previous config stayed in force' },
  'restarts.data-thread': { unit: 'restarts', help: 'restarts of the threads of the native transport after one of them failed' },
  'disk-calls.hung': { unit: 'calls', help: 'calls to a file system that did not return within their time limit' },
  'dhcp-requests.discover': { unit: 'requests', help: 'DISCOVERs of boot firmware at port 67' },
  'dhcp-requests.boot-server': { unit: 'requests', help: 'requests of boot firmware at port 4011' },
  'dhcp-requests.claim': { unit: 'requests', help: 'REQUESTs at port 67, which only tell which machine has which address' },
  'dhcp-answers.offer': { unit: 'answers', help: 'offers sent from port 67' },
  'dhcp-answers.boot-server': { unit: 'answers', help: 'answers sent from port 4011' },
  'dhcp-answers.none': {
    unit: 'requests',
    help: 'requests of boot firmware that got no answer, because nothing is to be booted',
  },
  'dhcp-drops.malformed': { unit: 'datagrams', help: 'datagrams that cannot be parsed as a DHCP request' },
  'dhcp-drops.other-client': { unit: 'datagrams', help: 'requests of clients other than boot firmware: they get no answer' },
  'dhcp-drops.relay-not-allowed': { unit: 'datagrams', help: 'requests forwarded by a relay that is not in `dhcp.relays`' },
  'dhcp-drops.too-many-of-machine': { unit: 'datagrams', help: 'requests beyond `dhcp.limits.requestsPerMachine`' },
  'dhcp-drops.too-many-of-relay': { unit: 'datagrams', help: 'requests beyond `dhcp.limits.requestsPerRelay`' },
  'dhcp-drops.too-many': { unit: 'datagrams', help: 'requests beyond `dhcp.limits.exchanges`' },
  'http-answers.successful': { unit: 'answers', help: 'answers by HTTP with content, or with its size alone' },
  'http-answers.not-modified': { unit: 'answers', help: 'answers by HTTP to clients that have the content already' },
  'http-answers.client-error': { unit: 'answers', help: 'answers by HTTP that refuse what the client asked for' },
  'http-answers.server-error': {
    unit: 'answers',
    help: 'answers by HTTP which say that something failed, or is not possible now',
  },
  'http-connections.accepted': { unit: 'connections', help: 'connections of HTTP clients that were accepted' },
  'http-connections.refused': {
    unit: 'connections',
    help: 'connections beyond `http.limits.connections` or `http.limits.connectionsPerClient`, which were closed',
  },
  'http-connections.too-slow': {
    unit: 'connections',
    help: 'connections that were closed because the request was late (`http.limits.headerMs`), or the client read too slowly',
  },
  'log-lines.lost': {
    unit: 'lines',
    help: 'log lines that were dropped because their reader was too slow or a write failed',
  },
} as const satisfies Table;

/** Metrics that go up and down. */
export const GAUGES = {
  'live.requests': { unit: 'requests', help: 'requests under way' },
  'live.generations': {
    unit: 'generations',
    help: 'configs in memory: the one in force, and those with transfers still under way',
  },
  'live.http-connections': { unit: 'connections', help: 'open connections of HTTP clients' },
  'cache-bytes.main': { unit: 'bytes', help: 'bytes of files that the main thread keeps in memory' },
  'cache-bytes.data': {
    unit: 'bytes',
    help: 'bytes of files that the data thread keeps in memory; both together stay within `cacheBytes`',
  },
  'last-reload-seconds.succeeded': {
    unit: 'seconds',
    help: 'time of the last successful reload, in seconds since 1970; 0 if there was none',
  },
  'last-reload-seconds.failed': {
    unit: 'seconds',
    help: 'time of the last failed reload, in seconds since 1970; 0 if none has failed',
  },
} as const satisfies Table;

/** Distributions of sizes and durations. */
export const HISTOGRAMS = {
  'answer-seconds': { unit: 'seconds', bounds: SECONDS, help: 'time from a request to the first reply, which may be an ERROR' },
  'dhcp-answer-seconds': { unit: 'seconds', bounds: SECONDS, help: "time from a machine's DHCP request to the answer" },
  'transfer-seconds': { unit: 'seconds', bounds: SECONDS, help: 'time from a request to the end of a completed transfer' },
  'round-trip-seconds': { unit: 'seconds', bounds: SECONDS, help: 'the smoothed round-trip time of a transfer at its end' },
  'file-bytes': { unit: 'bytes', bounds: BYTES, help: 'sizes of the files that were sent completely' },
  'reload-seconds': {
    unit: 'seconds',
    bounds: SECONDS,
    help: 'how long a successful reload took, not counting the time to read the config',
  },
} as const satisfies HistogramTable;

/** Counters kept for each plugin. */
export const PLUGIN_COUNTERS = {
  'hook.errors': { unit: 'calls', help: 'calls of its hooks that failed, other than by a `Refusal`' },
  'hook.timeouts': { unit: 'calls', help: 'calls of its hooks that took longer than `limits.hookMs`' },
} as const satisfies Table;

/** Histograms kept for each plugin. */
export const PLUGIN_HISTOGRAMS = {
  'hook-seconds': { unit: 'seconds', bounds: SECONDS, help: 'how long each call of its hooks took' },
} as const satisfies HistogramTable;

interface Metric {
  readonly unit: string;
  readonly help: string;
}

type Table = Readonly<Record<string, Metric>>;
type HistogramTable = Readonly<Record<string, Metric & { readonly bounds: readonly number[] }>>;

export type CounterName = keyof typeof COUNTERS;
export type GaugeName = keyof typeof GAUGES;
export type HistogramName = keyof typeof HISTOGRAMS;
export type PluginCounterName = keyof typeof PLUGIN_COUNTERS;
export type PluginHistogramName = keyof typeof PLUGIN_HISTOGRAMS;

/** Why a datagram was dropped. */
export type DropReason = CounterName extends infer Name ? (Name extends `drops.${infer Reason}` ? Reason : never) : never;

export const COUNTER_NAMES = Object.keys(COUNTERS) as readonly CounterName[];

const DROPS = 'drops.';

export const DROP_REASONS = COUNTER_NAMES.filter((name) => name.startsWith(DROPS)).map((name) =>
  name.slice(DROPS.length),
) as readonly DropReason[];
