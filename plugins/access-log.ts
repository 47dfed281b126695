/**
 * Logs a line when a transfer starts, one when it ends, and one for each finished boot; each kind can be turned off. It decides
 * nothing.
 *
 * Fields of a line (absent if unknown); the line of the start has those marked *.
 *
 * | field | what it is |
 * | --- | --- |
 * | `transfer` * | number of the transfer, unique in the process; bound to every log line about it |
 * | `client`, `port` * | the client's address and port |
 * | `host` * | the machine's name in the config |
 * | `mac`, `macSource` * | the client's MAC address and its source: `table`, `neighbours`, `filename`, … |
 * | `uuid`, `uuidSource`, `serial`, `serialSource` * | the same for its UUID and its serial number |
 * | `kind`, `mode` * | `read` or `write`; `octet` or `netascii` |
 * | `method`, `tls` * | by HTTP: `GET` or `HEAD`; `true` over HTTPS |
 * | `asked` * | the file name as the client spelt it; untrusted |
 * | `served` * | the file under the root, or `plugin:<name>` |
 * | `size` * | total bytes |
 * | `generation` * | number of the config in force |
 * | `outcome` | `completed`, `probed`, `aborted`, `refused`, `failed` |
 * | `bytes` | bytes acknowledged or stored |
 * | `options` | the negotiated options: `{ "blksize": "1468" }` |
 * | `ms`, `mbPerS` | duration, and 10⁶ bytes a second |
 * | `rttMs`, `retransmissions` | round-trip time; packets sent again |
 * | `lastAckMissing` | `true` if the client never acknowledged the last block |
 * | `status`, `range`, `userAgent` | by HTTP: the status of the answer; the bytes sent, if not all (`0-511`); the client's description of itself, untrusted |
 * | `error` | `{ code, message }` of the ERROR that ended it; the client's text is untrusted. `cause`: details that the client is not told |
 *
 * The line of a DHCP offer, logged once however often the machine repeats its request: `host`, `mac`, `uuid`, … as above,
 * `firmware`, `arch` (option 93), `offered` (a name, a URL, or `disk`), `layout`, `answeredOn` (the port: 67 or 4011), `relay`
 * (its address), `secs` (seconds since the machine began, by its own count), `outcome`, `generation`, `ms`; `error` if nothing is
 * offered.
 *
 * The line of a boot, for a machine that has made more than one request: `client`, `mac`, `macSource`, `serial`, … as above,
 * `host`, `steps` (`{ served, bytes, ms, afterMs, requests, outcome }`: a file, its duration, and the time since the file before
 * it), `ms`, `bytes`, `requests`, and, unless zero, `absent` (requests for names that do not exist), `probes`, `refused`,
 * `retransmissions`, `moreSteps` (beyond 64), `offers` (`{ offered, layout, answeredOn, firmware, ms }`: what DHCP told the
 * machine to load). `ended` is why the boot is over: `done` (the last file was a kernel, an initrd, or one that ended such boots
 * before, and five seconds of silence followed), `idle`, `again` (the machine started over), `cut` (the server stopped following
 * it). `continued`: the machine went on after a line with `done`.
 */
import { type DhcpSummary, definePlugin, type ExchangeInfo, type ExchangeSummary, type Log, type Outcome } from 'pxe';
import { z } from 'zod';
import { BootLog, round } from './boot-log.ts';
import { clientFields } from './lib/client-fields.ts';

export interface AccessLogOptions {
  /** Log the start of each transfer; the line of its end repeats all its fields. Default true. */
  readonly starts?: boolean | undefined;
  /**
   * Log each request for a name that does not exist; boot loaders search. The boot's line counts them in any case. Default true.
   */
  readonly absent?: boolean | undefined;
  /** Log each boot. A boot is over when its machine sends no request for `idleMs` (default 60000). Default true. */
  readonly boots?: boolean | { readonly idleMs?: number | undefined } | undefined;
}

const IDLE_MS = 60_000;
const timing = z.strictObject({ idleMs: z.int().min(100).max(86_400_000).default(IDLE_MS) });
const options = z
  .strictObject({
    starts: z.boolean().default(true),
    absent: z.boolean().default(true),
    boots: z.union([z.boolean(), timing]).default(true),
  })
  .prefault({});

export const accessLog = definePlugin({
  name: 'access-log',
  options,
  logsEnds: true,
  setup({ starts, absent, boots }, { log, keep }) {
    const stories = boots === false ? undefined : keep('boots', () => new BootLog(log));
    stories?.use(log, boots === true || boots === false ? IDLE_MS : boots.idleMs);
    return {
      start: (transfer, { log }) => {
        if (starts && transfer.request.kind !== 'boot') log.info(startFields(transfer), 'transfer started');
        stories?.start(transfer);
      },
      end: (summary, { log }) => {
        if (summary.dhcp) logOffer(log, summary, summary.dhcp);
        else if (isTrouble(summary)) log.warn(endFields(summary), messages[summary.outcome]);
        else if (absent || !isAbsent(summary)) log.info(endFields(summary), messages[summary.outcome]);
        stories?.end(summary);
      },
    };
  },
});

const messages: Record<Outcome, string> = {
  completed: 'transfer completed',
  probed: 'size probed',
  aborted: 'transfer aborted by client',
  refused: 'request refused',
  failed: 'transfer failed',
};

/** Logs an offer at level info once, and its repetitions at level debug. */
function logOffer(log: Log, summary: ExchangeSummary, dhcp: DhcpSummary): void {
  const { outcome, error } = summary;
  if (outcome === 'failed') log.warn(offerFields(summary, dhcp), 'boot request failed');
  else if (dhcp.isRepeat || outcome === 'aborted') log.debug(offerFields(summary, dhcp), 'boot request repeated');
  else if (outcome === 'completed') log.info(offerFields(summary, dhcp), 'boot offered');
  // What the firmware cannot load has a warning of the service.
  else if (isAbsent(summary) || error?.reason === 'unsupported')
    log.info({ ...offerFields(summary, dhcp), error }, 'boot not offered');
  else log.warn({ ...offerFields(summary, dhcp), error }, 'boot not offered');
}

function offerFields({ request, generation, outcome, durationMs }: ExchangeSummary, dhcp: DhcpSummary) {
  const { client: _, ...known } = clientFields(request.client);
  const { firmware, arch } = request.client;
  const { port, layout, offered, relay, secs } = dhcp;
  return {
    ...known,
    firmware,
    arch,
    offered,
    layout,
    answeredOn: port,
    relay,
    secs: secs || undefined,
    outcome,
    generation,
    ms: round(durationMs),
  };
}

/** Firmware probes sizes, searches through absent names and aborts at will: none of these is a problem. */
function isTrouble(summary: ExchangeSummary): boolean {
  return summary.outcome === 'failed' || (summary.outcome === 'refused' && !isAbsent(summary));
}

function isAbsent({ outcome, error }: ExchangeSummary): boolean {
  return outcome === 'refused' && error?.reason === 'not-found';
}

function startFields({ request, served, size, generation }: ExchangeInfo) {
  const { client, kind, asked } = request;
  const mode = request.protocol === 'tftp' ? request.tftp.mode : undefined;
  const { method, isSecure } = request.protocol === 'http' ? request.http : {};
  const tls = isSecure || undefined;
  return { ...clientFields(client), port: client.port, kind, mode, method, tls, asked, served, size, generation };
}

function endFields(summary: ExchangeSummary) {
  const { outcome, bytes, durationMs, error, request, tftp, http } = summary;
  const { agreed, rttMs, retransmissions, lastAckMissing } = tftp ?? {};
  return {
    ...startFields(summary),
    outcome,
    bytes,
    options: agreed && Object.fromEntries(agreed),
    ms: round(durationMs),
    mbPerS: durationMs > 0 ? round(bytes / 1000 / durationMs) : undefined,
    rttMs: rttMs === undefined ? undefined : round(rttMs),
    retransmissions,
    lastAckMissing: lastAckMissing || undefined,
    status: http?.status,
    range: http?.range,
    userAgent: request.protocol === 'http' ? request.http.userAgent : undefined,
    error,
  };
}
