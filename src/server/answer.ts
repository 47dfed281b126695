/**
 * What a transfer is answered with: the content that the pipeline leads to, or the sink that takes an upload. It asks plugins and
 * opens files; it sends nothing.
 */
import { netasciiSink } from '../content/netascii.ts';
import type { Log, ReadRequest, WriteRequest } from '../plugin/types.ts';
import { ErrorCode, TftpError } from '../protocol/error.ts';
import type { TransferAnswer } from '../transport/transport.ts';
import { makeReady } from './ready.ts';
import type { ActiveTransfer } from './transfers.ts';

/** Also notes in the transfer what was found. Throws a `TftpError` to be sent, or the reason for which the client has gone. */
export function findAnswer(transfer: ActiveTransfer, log: Log): Promise<TransferAnswer> {
  const { request } = transfer;
  return request.kind === 'read' ? answerRead(transfer, request, log) : answerWrite(transfer, request, log);
}

async function answerRead(transfer: ActiveTransfer, asked: ReadRequest, log: Log): Promise<TransferAnswer> {
  const { generation, gone, unservable } = transfer;
  const route = await generation.pipeline.route(asked, { signal: gone, log, unservable });
  transfer.request = route.request;
  if (route.error) throw route.error;
  transfer.served = route.served;
  transfer.plugin = route.plugin;
  transfer.size = route.content.size;
  const limits = generation.transferLimitsFor(asked.client.address);
  const patience = { clock: generation.clock, ms: limits.idleMs, signal: gone };
  return { kind: 'read', ...(await makeReady(route.content, asked.mode, patience)), limits };
}

async function answerWrite(transfer: ActiveTransfer, asked: WriteRequest, log: Log): Promise<TransferAnswer> {
  const { generation, gone, unservable } = transfer;
  const route = await generation.pipeline.route(asked, { signal: gone, log, unservable });
  const { request, error } = route;
  transfer.request = request;
  if (error) throw error;
  transfer.plugin = route.plugin;
  transfer.size = request.size;
  const sink = route.sink ?? (await generation.uploads?.open(request.name, request.size));
  if (!sink) throw new TftpError(ErrorCode.accessViolation, 'uploads are not allowed');
  const limits = generation.transferLimitsFor(asked.client.address);
  return { kind: 'write', sink: asked.mode === 'netascii' ? netasciiSink(sink) : sink, limits };
}
