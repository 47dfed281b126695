/**
 * One line in the log as a transfer starts, one as it ends, and one for each boot that is over; each kind can be left out. It only tells; it decides nothing.
 *
 * Fields of a line (absent where nothing is known): those marked * stand in the first line, too.
 *
 * | field | what it is |
 * | --- | --- |
 * | `transfer` * | number of the transfer, unique in the process; bound to every log line about it |
 * | `client`, `port` * | who asked |
 * | `host` * | what the config calls the machine |
 * | `mac`, `macSource` * | the client's MAC address and where it is known from: `table`, `neighbours`, `filename`, … |
 * | `uuid`, `uuidSource`, `serial`, `serialSource` * | the same for its UUID and its serial number |
 * | `kind`, `mode` * | `read` or `write`; `octet` or `netascii` |
 * | `asked` * | the file name as the client spelt it; untrusted |
 * | `served` * | the file under the root, or `plugin:<name>` |
 * | `size` * | bytes in all |
 * | `generation` * | number of the config in force |
 * | `outcome` | `completed`, `probed`, `aborted`, `refused`, `failed` |
 * | `bytes` | acknowledged, or stored |
 * | `options` | as agreed: `{ "blksize": "1468" }` |
 * | `ms`, `mbPerS` | duration, and 10⁶ bytes a second |
 * | `rttMs`, `retransmissions` | round-trip time, packets sent again |
 * | `lastAckMissing` | `true` if the client never acknowledged the end |
 * | `error` | `{ code, message }` of the ERROR that ended it; the client's text is untrusted. `cause`: what the client is not told |
 *
 * The line of an offer by DHCP, once for what a machine is offered, however often it asks: `host`, `mac`, `uuid`, … as above, `firmware`, `arch`
 * (option 93), `offered` (a name, a URL, or `disk`), `layout`, `answeredOn` (the port: 67 or 4011), `relay` (its address), `secs` (since
 * the machine began, as it says), `outcome`, `generation`, `ms`; `error` where nothing is offered.
 *
 * The line of a boot, for a machine that has made more than one request: `client`, `mac`, `macSource`, `serial`, … as above, `host` (what the
 * config calls it), `steps` (`{ served, bytes, ms, afterMs, requests, outcome }`: a file, the time that it took, and the time since
 * the one before), `ms`, `bytes`, `requests`, and where there were any `absent` (names that do not exist), `probes`, `refused`,
 * `retransmissions`, `moreSteps` (beyond 64), `offers` (`{ offered, layout, answeredOn, firmware, ms }`: what DHCP told it to load). `ended` says why it is over: `done` (a kernel, an initrd, or what boots of this kind
 * have ended with before, and five seconds of silence), `idle`, `again` (it started over), `cut` (the server stops here). `continued`:
 * the machine went on after a line that said `done`.
 */
import { type DhcpSummary, definePlugin, type ExchangeInfo, type ExchangeSummary, type Log, type Outcome } from 'pxe';
import { z } from 'zod';
import { BootLog, round } from './boot-log.ts';
import { clientFields } from './lib/client-fields.ts';

export interface AccessLogOptions {
  /** A line as a transfer starts; the line at its end tells all of it again. Default true. */
  readonly starts?: boolean | undefined;
  /** A line for each name that does not exist: boot loaders search. The boot's line counts them all the same. Default true. */
  readonly absent?: boolean | undefined;
  /** A line for each boot; `idleMs` (default 60000): a machine that asks for nothing for this long has booted. Default true. */
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

/** One line for what a machine is offered, however often it asks. */
function logOffer(log: Log, summary: ExchangeSummary, dhcp: DhcpSummary): void {
  const { outcome, error } = summary;
  if (outcome === 'failed') log.warn(offerFields(summary, dhcp), 'boot request failed');
  else if (dhcp.isRepeat || outcome === 'aborted') log.debug(offerFields(summary, dhcp), 'boot request repeated');
  else if (outcome === 'completed') log.info(offerFields(summary, dhcp), 'boot offered');
  else log.info({ ...offerFields(summary, dhcp), error }, 'boot not offered');
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

/** Firmware asks for sizes, walks through absent names and breaks off at will: none of that is trouble. */
function isTrouble(summary: ExchangeSummary): boolean {
  return summary.outcome === 'failed' || (summary.outcome === 'refused' && !isAbsent(summary));
}

function isAbsent({ outcome, error }: ExchangeSummary): boolean {
  return outcome === 'refused' && error?.reason === 'not-found';
}

function startFields({ request, served, size, generation }: ExchangeInfo) {
  const { client, kind, asked } = request;
  const mode = request.protocol === 'tftp' ? request.tftp.mode : undefined;
  return { ...clientFields(client), port: client.port, kind, mode, asked, served, size, generation };
}

function endFields(summary: ExchangeSummary) {
  const { outcome, bytes, durationMs, error, tftp } = summary;
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
    error,
  };
}
