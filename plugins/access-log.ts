/**
 * One line in the log as a transfer starts, one as it ends. It only tells; it decides nothing.
 *
 * Fields of a line (absent where nothing is known): those marked * stand in the first line, too.
 *
 * | field | what it is |
 * | --- | --- |
 * | `transfer` * | number of the transfer, unique in the process; bound to every log line about it |
 * | `client`, `port` * | who asked |
 * | `mac`, `macSource` * | the client's MAC address and where it is known from: `table`, `neighbours`, `filename`, … |
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
 * | `error` | `{ code, message }` of the ERROR that ended it; the client's text is untrusted |
 */
import { definePlugin, ErrorCode, type Outcome, type TransferInfo, type TransferSummary } from 'pxe';

export const accessLog = definePlugin({
  name: 'access-log',
  setup: () => ({
    start: (transfer, { log }) => log.info(startFields(transfer), 'transfer started'),
    end: (summary, { log }) => {
      const fields = { ...startFields(summary), ...endFields(summary) };
      if (isTrouble(summary)) log.warn(fields, messages[summary.outcome]);
      else log.info(fields, messages[summary.outcome]);
    },
  }),
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
  const { address, port, mac, macSource } = client;
  return { client: address, port, mac, macSource, kind, mode, asked, served, size, generation };
}

function endFields(summary: TransferSummary) {
  const { outcome, bytes, durationMs, agreed, rttMs, retransmissions, lastAckMissing, error } = summary;
  return {
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

/** To three places: microseconds of a millisecond. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
