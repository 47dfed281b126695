/**
 * What a transfer is answered with: the content that the pipeline leads to, or the sink that takes an upload. It asks plugins and
 * opens files; it sends nothing.
 */

import type { Log } from '../base/log.ts';
import { Refusal } from '../base/refusal.ts';
import type { RouteOptions } from '../plugin/route.ts';
import type { Trace } from '../plugin/trace.ts';
import type { Generation } from '../service/generation.ts';
import { limitsOf } from './limits.ts';
import { netasciiSink } from './netascii.ts';
import { describeRefusal } from './protocol/refusal.ts';
import { makeReady } from './ready.ts';
import type { TftpReadRequest, TftpWriteRequest } from './request.ts';
import type { ActiveTransfer } from './transfers.ts';
import type { TransferAnswer, Transport } from './transport/transport.ts';

const NO_UPLOADS = Object.freeze(new Refusal('forbidden', 'uploads are not allowed'));

/** What is asked of the transport before it is answered. */
type Reads = Pick<Transport, 'reads'>;

/** Also notes in the transfer what was found. Throws a `Refusal` to be sent, or the reason for which the client has gone. */
export function findAnswer(transfer: ActiveTransfer, log: Log, transport: Reads): Promise<TransferAnswer> {
  const how = { signal: transfer.gone, log, unservable: transfer.unservable, describe: describeRefusal };
  if (!isVerbose(transfer.generation)) return answer(transfer, how, transport);
  const trace: Trace = [];
  const { client, asked } = transfer.request;
  return answer(transfer, { ...how, trace }, transport).finally(() =>
    log.debug({ client: client.address, asked, trace }, 'route'),
  );
}

function answer(transfer: ActiveTransfer, how: RouteOptions, transport: Reads): Promise<TransferAnswer> {
  const { request } = transfer;
  return request.kind === 'read' ? answerRead(transfer, request, how, transport) : answerWrite(transfer, request, how);
}

/** What each hook answers costs time to note. */
function isVerbose({ config }: Generation): boolean {
  return config.log.level === 'debug' || config.log.level === 'trace';
}

async function answerRead(
  transfer: ActiveTransfer,
  asked: TftpReadRequest,
  how: RouteOptions,
  transport: Reads,
): Promise<TransferAnswer> {
  const { generation, gone } = transfer;
  const route = await generation.pipeline.route(asked, how);
  transfer.request = route.request;
  if (route.error) throw route.error;
  transfer.served = route.served;
  transfer.plugin = route.plugin;
  transfer.size = route.content.size;
  const limits = limitsOf(generation.config).transferFor(asked.client.address);
  const { content } = route;
  if (asked.tftp.mode === 'octet' && transport.reads(content)) return { kind: 'read', content, first: undefined, limits };
  const patience = { clock: generation.clock, ms: limits.idleMs, signal: gone };
  return { kind: 'read', ...(await makeReady(content, asked.tftp.mode, patience)), limits };
}

async function answerWrite(transfer: ActiveTransfer, asked: TftpWriteRequest, how: RouteOptions): Promise<TransferAnswer> {
  const { generation } = transfer;
  const route = await generation.pipeline.route(asked, how);
  const { request, error } = route;
  transfer.request = request;
  if (error) throw error;
  transfer.plugin = route.plugin;
  transfer.size = request.size;
  const sink = route.sink ?? (await generation.uploads?.open(request.name, request.size));
  if (!sink) throw NO_UPLOADS;
  const limits = limitsOf(generation.config).transferFor(asked.client.address);
  return { kind: 'write', sink: asked.tftp.mode === 'netascii' ? netasciiSink(sink) : sink, limits };
}
