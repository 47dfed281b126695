/**
 * The plugins of a simulated config: one that notices whatever happens to it, one that misbehaves in every way there is, one that
 * takes uploads. What each does is in the name that a client asks for, and in the plan of its generation.
 */
import { z } from 'zod';
import { sleep } from '../../src/base/clock.ts';
import { Refusal } from '../../src/base/refusal.ts';
import type { Content, Sink } from '../../src/content/content.ts';
import { definePlugin, type Plugin } from '../../src/plugin/define.ts';
import type { BootAnswer, Call, PluginContext, ReadRequest } from '../../src/plugin/types.ts';
import { ErrorCode, TftpError } from '../../src/tftp/protocol/error.ts';
import type { SocketOwner } from '../../src/tftp/transport/socket-endpoint.ts';
import { ODD } from './dhcp.ts';
import { Instance, TrackedContent, TrackedSink } from './ledger.ts';
import { ODD_BOOTS, type Plan } from './plan.ts';
import { PLUGIN_SOURCES } from './versions.ts';
import type { World } from './world.ts';

/** What clients ask the misbehaving plugin for. */
export const ODD_READS = [
  'throws',
  'rejects',
  'refuses',
  'answers nonsense',
  'never answers',
  'answers late',
  'takes its time',
  'leaves the root',
  'read throws',
  'read refuses',
  'read hangs',
  'first read hangs',
  'ends early',
  'reads too much',
  'close throws',
  'close hangs',
  'slow close',
] as const;
export const ODD_WRITES = [
  'kept',
  'slow',
  'write throws',
  'commit throws',
  'commit hangs',
  'never answers',
  'abort throws',
] as const;

const SEGMENT = 65_536;

const schema = z.strictObject({ world: z.custom<World>(), plan: z.custom<Plan>(), level: z.int() });

/** The plugins of a plan. */
export function pluginsOf(world: World, plan: Plan): Plugin[] {
  const options = { world, plan, level: plan.failure === 'options' ? ('high' as unknown as number) : plan.number };
  return [watching(options), misbehaving(options), keeping(options)];
}

/** Which plan made this, by the source in its bytes. */
export function planNumberOf(source: number): number {
  return Math.floor((source - PLUGIN_SOURCES) / 16);
}

const watching = definePlugin({
  name: 'watching',
  options: schema,
  async setup({ world, plan }, context) {
    const instance = new Instance(world, plan, 'watching');
    context.onDispose(() => instance.dispose());
    const state = changingState(world, context);
    await openResources(world, context);
    await pause(world, plan.setupMs);
    context.watch('/etc/hosts');
    const observe = (id: number, hook: string, call: Call): Promise<void> | undefined => {
      instance.called(hook, undefined, id);
      if (hook === 'end') world.ledger.observedEnd(id);
      switch (plan.observers) {
        case 'at once':
          return undefined;
        case 'slow':
          return instance.during(call, sleep(world.clock, 40));
        case 'throw':
          throw new Error('an observer failed');
        case 'hang':
          return instance.during(call, new Promise(() => {}));
      }
    };
    return {
      async identify(request, call) {
        instance.called('identify', call);
        await instance.during(call, pause(world, plan.identifyMs));
        const last = Number(request.client.address.split('.')[3]);
        return { mac: `02:00:00:00:00:${last.toString(16).padStart(2, '0')}`, source: 'address' };
      },
      async boot({ client }, call) {
        instance.called('boot', call);
        await instance.during(call, pause(world, plan.bootMs));
        return oddBootOf(client.mac) === undefined ? `plan-${plan.number}.efi` : undefined;
      },
      rewrite(request, call) {
        instance.called('rewrite', call);
        if (!request.name.startsWith('alias/')) return undefined;
        return { ...request, name: request.name.slice('alias/'.length) };
      },
      async open(request, call) {
        instance.called('open', call);
        const kind = /^gen\/(\d)$/.exec(request.name)?.[1];
        if (kind === undefined) return undefined;
        world.count(`plugin content ${kind}`);
        const size = [500, 3000, 70_000, 140_000, 65_536][Number(kind)]!;
        const bytes = world.versions.bytes(
          { source: PLUGIN_SOURCES + plan.number * 16 + Number(kind), version: state.value },
          size,
        );
        if (kind === '0') return bytes;
        if (kind === '3') await instance.during(call, pause(world, 30));
        const read = async (offset: number, length: number) => {
          if (kind === '3') await pause(world, 25);
          return bytes.subarray(offset, offset + length);
        };
        return new TrackedContent(instance, kind === '2' ? undefined : size, { read });
      },
      start: (transfer, call) => observe(transfer.id, 'start', call),
      end: (summary, call) => observe(summary.id, 'end', call),
    };
  },
});

const misbehaving = definePlugin({
  name: 'misbehaving',
  options: schema,
  async setup({ world, plan }, context) {
    const instance = new Instance(world, plan, 'misbehaving');
    context.onDispose(async () => {
      instance.dispose();
      if (plan.dispose === 'slow') await sleep(world.clock, 50);
      if (plan.dispose === 'throws') throw new Error('dispose failed');
      if (plan.dispose === 'hangs') await new Promise(() => {});
    });
    await openResources(world, context);
    if (plan.failure === 'setup throws') throw new Error('setup failed half-way');
    if (plan.failure === 'setup hangs') {
      if (plan.number % 2 === 0) await new Promise(() => {});
      // Given up, it goes on nevertheless, and has something to dispose of.
      await sleep(world.clock, plan.limits.setupMs + 100);
      const late = new Instance(world, plan, 'late');
      context.onDispose(() => late.dispose());
    }
    return {
      open(request, call) {
        instance.called('open', call);
        if (!request.name.startsWith('odd/')) return undefined;
        const kind = request.name.slice('odd/'.length);
        world.count(`plugin read: ${kind}`);
        return oddRead(instance, kind, request, call);
      },
      boot({ client }, call) {
        instance.called('boot', call);
        const kind = oddBootOf(client.mac);
        if (kind === undefined) return undefined;
        world.count(`plugin boot: ${kind}`);
        return oddBoot(kind);
      },
      store(request, call) {
        instance.called('store', call);
        if (!request.name.startsWith('sink/')) return undefined;
        const kind = request.name.slice('sink/'.length).replace(/ \d+$/, '');
        world.count(`plugin write: ${kind}`);
        return oddWrite(instance, kind, call);
      },
    };
  },
});

/** What is done for a machine, by the last byte of its MAC address. */
function oddBootOf(mac: string | undefined): (typeof ODD_BOOTS)[number] | undefined {
  return mac === undefined ? undefined : ODD_BOOTS[Number.parseInt(mac.slice(-2), 16) - ODD];
}

function oddBoot(kind: (typeof ODD_BOOTS)[number]): BootAnswer | Promise<BootAnswer> | undefined {
  switch (kind) {
    case 'throws':
      throw new Error('boot failed');
    case 'refuses':
      throw new Refusal('forbidden', 'not this machine');
    case 'answers nonsense':
      return { file: '../outside' };
    case 'never answers':
      return new Promise(() => {});
    case 'has nothing':
      return undefined;
  }
}

const keeping = definePlugin({
  name: 'keeping',
  options: schema,
  setup({ world, plan }, context) {
    const instance = new Instance(world, plan, 'keeping');
    context.onDispose(() => instance.dispose());
    return {
      // Looks up under the root what it was asked for, and hands on what it opened.
      async open(request, call) {
        instance.called('open', call);
        if (request.name !== 'mine') return undefined;
        return (await instance.during(call, call.root.has('a'))) ? await call.root.open('a') : undefined;
      },
    };
  },
});

function oddRead(
  instance: Instance,
  kind: string,
  request: ReadRequest,
  call: Call,
): string | Uint8Array | Content | Promise<string | Uint8Array | Content | undefined> | undefined {
  const { world, plan } = instance;
  const { hookMs } = plan.limits;
  const size = 150_000;
  const label = { source: PLUGIN_SOURCES + plan.number * 16 + 8, version: 1 };
  const bytes = world.versions.bytes(label, size);
  const fine = (offset: number, length: number) => bytes.subarray(offset, offset + length);
  const content = (
    read = fine as (offset: number, length: number) => Uint8Array | Promise<Uint8Array>,
    close?: () => Promise<void>,
  ) => new TrackedContent(instance, size, close ? { read, close } : { read });
  const never = new Promise<never>(() => {});
  switch (kind as (typeof ODD_READS)[number]) {
    case 'throws':
      throw new Error('open failed');
    case 'rejects':
      return instance.during(
        call,
        pause(world, 10).then(() => Promise.reject(new Error('open failed later'))),
      );
    case 'refuses':
      throw new TftpError(ErrorCode.accessViolation, 'not for you');
    case 'answers nonsense':
      return { size: -1, read: () => bytes, close() {} } as Content;
    case 'never answers':
      return instance.during(call, never);
    case 'answers late':
      return sleep(world.clock, hookMs + 50).then(() => {
        const late = content();
        late.wanted = false;
        return late;
      });
    case 'takes its time':
      return instance.during(
        call,
        pause(world, Math.floor(hookMs * 0.8)).then(() => content()),
      );
    case 'leaves the root':
      return `../${request.name}`;
    case 'read throws':
      return content((offset) => {
        if (offset > 0) throw new Error('read failed');
        return fine(offset, SEGMENT);
      });
    case 'read refuses':
      return content(async (offset, length) => {
        await pause(world, 5);
        if (offset > 0) throw new TftpError(ErrorCode.undefined, 'no more today');
        return fine(offset, length);
      });
    case 'read hangs':
      return content((offset, length) => (offset > 0 ? never : fine(offset, length)));
    case 'first read hangs':
      return content(() => never);
    case 'ends early':
      return content((offset, length) => fine(offset, offset > 0 ? length - 1 : length));
    case 'reads too much':
      return content((offset) => (offset > 0 ? bytes : fine(offset, SEGMENT)));
    case 'close throws':
      return content(fine, () => Promise.reject(new Error('close failed')));
    case 'close hangs':
      return content(fine, () => never);
    case 'slow close':
      return content(fine, () => pause(world, 200));
  }
  return undefined;
}

function oddWrite(instance: Instance, kind: string, call: Call): Sink | Promise<Sink> {
  const { world } = instance;
  const pieces: Uint8Array[] = [];
  const sink = (behaviour: Partial<TrackedSink> = {}) =>
    new TrackedSink(instance, {
      write: behaviour.write ?? ((bytes) => void pieces.push(bytes)),
      commit:
        behaviour.commit ??
        (async () => {
          await pause(world, 5);
          const stored = Buffer.concat(pieces);
          const found = stored.length === 0 ? { whole: true } : world.versions.identify(stored);
          if (typeof found === 'string' || !found.whole) world.violated(`a sink was committed with ${JSON.stringify(found)}`);
          world.count('uploads kept by a plugin');
        }),
      ...(behaviour.abort ? { abort: behaviour.abort } : {}),
    });
  switch (kind as (typeof ODD_WRITES)[number]) {
    case 'kept':
      return sink();
    case 'slow':
      return instance.during(
        call,
        pause(world, 50).then(() =>
          sink({
            async write(bytes) {
              await pause(world, 40);
              pieces.push(bytes);
            },
          }),
        ),
      );
    case 'write throws':
      return sink({
        write() {
          throw new Error('write failed');
        },
      });
    case 'commit throws':
      return sink({ commit: () => Promise.reject(new TftpError(ErrorCode.diskFull, 'disk full')) });
    case 'commit hangs':
      return sink({ commit: () => new Promise(() => {}) });
    case 'never answers':
      return instance.during(call, new Promise(() => {}));
    case 'abort throws':
      return sink({
        write: () => Promise.reject(new Error('write failed')),
        abort: () => Promise.reject(new Error('abort failed')),
      });
  }
}

/** State that lives as long as the generation. */
function changingState(world: World, context: PluginContext): { value: number } {
  const state = { value: 1 };
  let cancel = () => {};
  const change = () => {
    state.value++;
    world.count('plugin state changes');
    cancel = world.clock.setTimeout(change, 300);
  };
  cancel = world.clock.setTimeout(change, 300);
  context.onDispose(() => cancel());
  return state;
}

/** A file, a socket and a timer. */
async function openResources(world: World, context: PluginContext): Promise<void> {
  const file = await world.files.open('/etc/hosts');
  context.onDispose(() => file.close());
  const owner: SocketOwner = { receive() {} };
  const socket = await world.sockets.bind({ address: '127.0.0.1', port: 0 }, owner);
  context.onDispose(() => socket.close());
  const cancel = world.clock.setTimeout(() => world.violated('a timer of a plugin ran'), 1e9);
  context.onDispose(cancel);
}

function pause(world: World, ms: number): Promise<void> {
  return ms === 0 ? Promise.resolve() : sleep(world.clock, ms);
}
