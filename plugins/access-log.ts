/**
 * One line in the log as a transfer starts, one as it ends, and one for each boot that is over. It only tells; it decides nothing.
 *
 * Fields of a line (absent where nothing is known): those marked * stand in the first line, too.
 *
 * | field | what it is |
 * | --- | --- |
 * | `transfer` * | number of the transfer, unique in the process; bound to every log line about it |
 * | `client`, `port` * | who asked |
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
 * The line of a boot, for a machine that has made more than one request: `client`, `mac`, `macSource`, `serial`, … as above, `host` (what the
 * config calls it), `steps` (`{ served, bytes, ms, afterMs, requests, outcome }`: a file, the time that it took, and the time since
 * the one before), `ms`, `bytes`, `requests`, and where there were any `absent` (names that do not exist), `probes`, `refused`,
 * `retransmissions`, `moreSteps` (beyond 64). `ended` says why it is over: `idle`, `again` (it began anew), `cut` (the log ends
 * here: a reload, a stop).
 */
import { definePlugin, ErrorCode, type Log, type Outcome, type TransferInfo, type TransferSummary } from 'pxe';
import { z } from 'zod';
import { type Boot, Boots } from './boots.ts';

export interface AccessLogOptions {
  /** A line for each boot; `idleMs` (default 60000): a machine that asks for nothing for so long has booted. Default true. */
  readonly boots?: boolean | { readonly idleMs?: number | undefined } | undefined;
}

const IDLE_MS = 60_000;
const timing = z.strictObject({ idleMs: z.int().min(100).max(86_400_000).default(IDLE_MS) });
const options = z.strictObject({ boots: z.union([z.boolean(), timing]).default(true) }).prefault({});

export const accessLog = definePlugin({
  name: 'access-log',
  options,
  logsEnds: true,
  setup({ boots }, { log, onDispose }) {
    const stories = boots === false ? undefined : telling(log, boots === true ? IDLE_MS : boots.idleMs);
    if (stories) onDispose(stories.dispose);
    return {
      start: (transfer, { log }) => {
        log.info(startFields(transfer), 'transfer started');
        stories?.start(transfer);
      },
      end: (summary, { log }) => {
        const fields = endFields(summary);
        if (isTrouble(summary)) log.warn(fields, messages[summary.outcome]);
        else log.info(fields, messages[summary.outcome]);
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

/** Firmware asks for sizes, walks through absent names and breaks off at will: none of that is trouble. */
function isTrouble({ outcome, error }: TransferSummary): boolean {
  return outcome === 'failed' || (outcome === 'refused' && error?.code !== ErrorCode.fileNotFound);
}

function startFields({ request, served, size, generation }: TransferInfo) {
  const { client, kind, mode, asked } = request;
  const { address, port, mac, macSource, uuid, uuidSource, serial, serialSource } = client;
  return {
    client: address,
    port,
    mac,
    macSource,
    uuid,
    uuidSource,
    serial,
    serialSource,
    kind,
    mode,
    asked,
    served,
    size,
    generation,
  };
}

function endFields(summary: TransferSummary) {
  const { outcome, bytes, durationMs, agreed, rttMs, retransmissions, lastAckMissing, error } = summary;
  return {
    ...startFields(summary),
    outcome,
    bytes,
    options: Object.fromEntries(agreed),
    ms: round(durationMs),
    mbPerS: durationMs > 0 ? round(bytes / 1000 / durationMs) : undefined,
    rttMs: rttMs === undefined ? undefined : round(rttMs),
    retransmissions,
    lastAckMissing: lastAckMissing || undefined,
    error,
  };
}

/** Boots with a clock: one timer for all of them, and none while there are none. */
function telling(log: Log, idleMs: number) {
  const boots = new Boots({ idleMs, tell: (boot) => boot.requests > 1 && log.info(bootFields(boot), 'boot') });
  let timer: NodeJS.Timeout | undefined;
  const sweep = () => {
    boots.sweep(performance.now());
    timer = undefined;
    arm();
  };
  const arm = () => {
    if (timer === undefined && boots.size > 0) timer = setTimeout(sweep, idleMs / 4).unref();
  };
  return {
    start(transfer: TransferInfo) {
      boots.start(transfer, performance.now());
      arm();
    },
    end(summary: TransferSummary) {
      boots.end(summary, performance.now());
      arm();
    },
    dispose() {
      clearTimeout(timer);
      boots.cut();
    },
  };
}

function bootFields({ client, steps, ms, bytes, requests, absent, probes, refused, retransmissions, moreSteps, ended }: Boot) {
  const { address, mac, macSource, uuid, uuidSource, serial, serialSource, host } = client;
  return {
    client: address,
    mac,
    macSource,
    uuid,
    uuidSource,
    serial,
    serialSource,
    host: host?.name,
    steps: steps.map((step) => ({ ...step, ms: round(step.ms), afterMs: round(step.afterMs) })),
    ms: round(ms),
    bytes,
    requests,
    absent: absent || undefined,
    probes: probes || undefined,
    refused: refused || undefined,
    retransmissions: retransmissions || undefined,
    moreSteps: moreSteps || undefined,
    ended,
  };
}

/** To three places: microseconds of a millisecond. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
