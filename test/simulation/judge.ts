/** Holds what a client has got against all that it may rightly have got. */
import type { Downloader, Machine, Uploader } from './clients.ts';
import type { TransferRecord } from './ledger.ts';
import { UPLOADS } from './plan.ts';
import { planNumberOf } from './plugins.ts';
import { type Label, PLUGIN_SOURCES } from './versions.ts';
import type { World } from './world.ts';

/** Files under each root; a file's number is its source. */
export const FILE_NAMES = ['a', 'b', 'c', 'boot/d', 'boot/e'] as const;

/** When an address was no longer listened on, by `address:port`. */
export type Unheard = ReadonlyMap<string, readonly number[]>;

export function judgeDownload(world: World, client: Downloader): void {
  const { ending, received } = client;
  const said = (what: string) => world.violated(`${what} (${client.name} of ${clientOf(client)})`);
  const found = received.length === 0 ? undefined : world.versions.identify(received);
  if (typeof found === 'string') return said(`the client got ${found}`);
  if (ending === 'completed') {
    world.count('client: completed');
    if (found && !found.whole) return said(`the client got ${received.length} bytes and takes them for all`);
    if (!recordsOf(world, client).some((record) => mayHave(world, record, found))) {
      const was = found ? `${found.source}@${found.version}` : 'nothing';
      said(`the client got ${was}, which ${nameOf(client)} was not when it asked`);
    }
    return;
  }
  if (found && !recordsOf(world, client).some((record) => mayHave(world, record, found)))
    said(`the client got bytes of ${found.source}@${found.version}, which ${nameOf(client)} was not when it asked`);
  if (ending === undefined) return;
  world.count(`client: ${ending.kind}`);
  if (ending.kind !== 'error' || client.before !== undefined) return;
  const name = nameOf(client);
  if (!(FILE_NAMES as readonly string[]).includes(name)) return;
  const records = recordsOf(world, client);
  if (ending.code === 1 && !records.some((record) => lookedUp(world, record, name).includes(undefined)))
    said('the client was told that there is no such file, and there was');
  if (ending.message === 'file changed during transfer') {
    world.count('file changed during transfer');
    if (
      !records.some(({ plan, requestAt, endAt = world.now }) =>
        world.files.disturbed(`${plan.rootDir}/${name}`, requestAt, endAt),
      )
    )
      said('the client was told that the file changed, and it was only replaced, if anything');
  }
  if (ending.message === 'file is being written') world.count('file is being written');
}

export function judgeUpload(world: World, client: Uploader): void {
  const { ending, name, bytes } = client;
  const said = (what: string) => world.violated(`${what} (upload of ${name} by ${clientOf(client)})`);
  if (ending === undefined) return;
  world.count(ending === 'completed' ? 'upload: completed' : `upload: ${ending.kind}`);
  if (name.startsWith('sink/') || name === 'taken') return;
  const stored = world.files.content(`${UPLOADS}/${name}`);
  if (ending === 'completed' && (!stored || Buffer.compare(stored, bytes) !== 0))
    said('an acknowledged upload is not what was sent');
  if (stored && Buffer.compare(stored, bytes) !== 0) said('an upload was stored in part');
}

/** A client whose address was listened on all the while gets an answer, unless one was sent and lost, or there were too many. */
export function judgePatience(world: World, client: Machine, unheard: Unheard, stoppedAt: number): void {
  const { ending } = client;
  if (ending === undefined || ending === 'completed' || ending.kind !== 'timeout' || client.endedAt >= stoppedAt) return;
  const { address, port } = client.server;
  const silent = (unheard.get(`${address}:${port}`) ?? []).some((at) => at >= client.startedAt && at <= client.endedAt);
  if (silent || world.ledger.crowdedOut.has(clientOf(client).split(':')[0]!)) return;
  const records = recordsOf(world, client);
  if (records.length === 0) return world.violated(`${clientOf(client)} was never heard (${client.name})`);
  if (records.every(({ summary }) => summary?.outcome === 'completed' && !summary.tftp?.lastAckMissing))
    world.violated(`${clientOf(client)} waits for what the server takes for completed (${client.name})`);
}

function recordsOf(world: World, client: Machine): TransferRecord[] {
  const key = clientOf(client);
  const names = [client.name, client.before];
  return [...world.ledger.transfers.values()].filter((record) => record.client === key && names.includes(record.asked));
}

function mayHave(world: World, record: TransferRecord, label: Label | undefined): boolean {
  const name = record.asked.replace(/^alias\//, '');
  if (label && label.source >= PLUGIN_SOURCES) return planNumberOf(label.source) === record.plan.number;
  const file = name === 'mine' ? 'a' : name;
  return lookedUp(world, record, file).some((possible) => {
    if (!possible) return false;
    if (!label) return world.versions.isEmpty(possible);
    return possible.source === label.source && possible.version === label.version;
  });
}

function lookedUp(world: World, record: TransferRecord, name: string): (Label | undefined)[] {
  const until = record.startAt ?? record.endAt ?? world.now;
  const names = record.plan.caseInsensitive ? FILE_NAMES.filter((one) => one.toLowerCase() === name.toLowerCase()) : [name];
  return names.flatMap((one) => world.files.possible(`${record.plan.rootDir}/${one}`, record.requestAt, until));
}

function nameOf({ name }: Machine): string {
  return name.replace(/^alias\//, '');
}

function clientOf({ endpoint }: Machine): string {
  return `${endpoint.address}:${endpoint.port}`;
}
