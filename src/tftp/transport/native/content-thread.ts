/**
 * The content thread: reads what must be waited for, by descriptors that the main thread has opened and confined, into slots that the
 * data thread sends from. It runs no user's code, and keeps nothing.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { systemClock } from '../../../base/clock.ts';
import type { FileHandover } from '../../../content/content.ts';
import { DiskGate, ThreadBudget } from '../../../content/disk-gate.ts';
import { poolShare, poolThreads } from '../../../content/disks.ts';
import { readFault } from '../../../content/fault.ts';
import { nodeFileSystem } from '../../../content/node-filesystem.ts';
import { VersionedFile } from '../../../content/versioned-file.ts';
import { Waker, type WakeShare } from '../../../net/native/wake.ts';
import { Stats, type StatsShare } from '../../../stats/stats.ts';
import { wireError } from '../../protocol/refusal.ts';
import { BorrowedFile } from './borrowed-file.ts';
import type { FromContent, SegmentRead, ToContent } from './messages.ts';
import { Slots } from './slots.ts';

export interface ContentThreadOptions {
  readonly wake: WakeShare;
  /** What happens is counted in it. */
  readonly stats: StatsShare;
  readonly control: MessagePort;
  readonly data: MessagePort;
}

export class ContentThread {
  readonly #options: ContentThreadOptions;
  readonly #slots = new Slots();
  readonly #waker: Waker;
  readonly #stats: Stats;
  readonly #files = new Map<number, VersionedFile>();
  readonly #share = poolShare(poolThreads());
  readonly #budget = new ThreadBudget(this.#share.devices);
  /** By device number. */
  readonly #gates = new Map<bigint, DiskGate>();
  #outgoing: FromContent[] = [];

  constructor(options: ContentThreadOptions) {
    this.#options = options;
    this.#waker = new Waker(options.wake);
    this.#stats = new Stats(options.stats);
  }

  run(): void {
    const { control, data } = this.#options;
    control.on('message', (message: ToContent) => this.#handle(message));
    data.on('message', (messages: readonly ToContent[]) => this.#handleAll(messages));
  }

  #handleAll(messages: readonly ToContent[]): void {
    for (const message of messages) this.#handle(message);
  }

  #handle(message: ToContent): void {
    switch (message.kind) {
      case 'chunk':
        this.#slots.add(message.chunk);
        return;
      case 'open':
        this.#files.set(message.id, this.#open(message.file));
        return;
      case 'read':
        return void this.#read(message);
      case 'close':
        return void this.#close(message.id);
      case 'stop':
        this.#options.control.close();
        this.#options.data.close();
        return;
    }
  }

  #open({ fd, version, path }: FileHandover): VersionedFile {
    const file = new BorrowedFile(fd, path, this.#gate(version.device));
    return new VersionedFile({ file, version, path, fileSystem: nodeFileSystem });
  }

  #gate(device: bigint): DiskGate {
    let gate = this.#gates.get(device);
    if (gate === undefined) {
      gate = new DiskGate({
        clock: systemClock,
        calls: this.#share.device,
        callsPerPath: 4,
        budget: this.#budget,
        onHung: () => this.#stats.add('disk-calls.hung'),
      });
      this.#gates.set(device, gate);
    }
    return gate;
  }

  /** Each is answered once; until then no other request may use the slot. */
  async #read({ id, slot, position, length }: SegmentRead): Promise<void> {
    try {
      await this.#file(id).read(this.#slots.bytes(slot, length), position);
      this.#tell({ kind: 'filled', slot });
    } catch (error) {
      this.#tell({ kind: 'failed', slot, error: wireError(readFault(error)) });
    }
  }

  /** That it is open was said before a read of it was asked for, but by another way. */
  #file(id: number): VersionedFile {
    if (!this.#files.has(id)) this.#take(this.#options.control, (message) => this.#handle(message as ToContent));
    const file = this.#files.get(id);
    if (file === undefined) throw new Error(`file ${id} is not open`);
    return file;
  }

  /** Whatever was to be read was said before the file was let go of, but by another way. */
  async #close(id: number): Promise<void> {
    this.#take(this.#options.data, (messages) => this.#handleAll(messages as readonly ToContent[]));
    const file = this.#files.get(id);
    this.#files.delete(id);
    await file?.close();
    this.#options.control.postMessage(id);
  }

  #take(port: MessagePort, handle: (message: unknown) => void): void {
    for (let got = receiveMessageOnPort(port); got; got = receiveMessageOnPort(port)) handle(got.message);
  }

  #tell(message: FromContent): void {
    if (this.#outgoing.push(message) > 1) return;
    setImmediate(() => {
      this.#options.data.postMessage(this.#outgoing);
      this.#outgoing = [];
      this.#waker.wake();
    });
  }
}
