/**
 * The content thread: reads files for the data thread, by descriptors that the main thread has opened and confined, into memory
 * that the data thread sends from. It runs no user's code; what several transfers want at once is read once.
 */
import type { MessagePort } from 'node:worker_threads';
import { SegmentCache } from '../../content/cache.ts';
import { FileContent, type FileHandover } from '../../content/file.ts';
import { nodeFileSystem } from '../../content/node-filesystem.ts';
import { ErrorCode, TftpError } from '../../protocol/error.ts';
import { SEGMENT_BYTES } from '../../protocol/segments.ts';
import { BorrowedFile } from './borrowed-file.ts';
import { preferHugePages } from './libc.ts';
import type { FromContent, ToContent } from './messages.ts';
import { SegmentPool } from './segment-pool.ts';
import { Waker, type WakeShare } from './wake.ts';

export interface ContentThreadOptions {
  readonly wake: WakeShare;
  readonly control: MessagePort;
  readonly data: MessagePort;
}

export class ContentThread {
  readonly #options: ContentThreadOptions;
  readonly #pool = new SegmentPool((chunk) => {
    preferHugePages(new Uint8Array(chunk));
    this.#tell({ kind: 'chunk', chunk });
  });
  /** Reads under way; what was read is the data thread's to keep. */
  readonly #cache = new SegmentCache({
    maxBytes: 0,
    allocate: (length) => this.#pool.allocate(length),
    free: (bytes) => this.#pool.free(bytes),
  });
  readonly #waker: Waker;
  readonly #files = new Map<number, PromiseWithResolvers<FileContent>>();
  #outgoing: FromContent[] = [];

  constructor(options: ContentThreadOptions) {
    this.#options = options;
    this.#waker = new Waker(options.wake);
  }

  run(): void {
    const { control, data } = this.#options;
    control.on('message', (message: ToContent) => this.#obey(message));
    data.on('message', (messages: readonly ToContent[]) => {
      for (const message of messages) this.#obey(message);
    });
  }

  #obey(message: ToContent): void {
    switch (message.kind) {
      case 'open':
        return this.#file(message.id).resolve(this.#open(message.file));
      case 'need':
        return void this.#supply(message.id, message.index);
      case 'givenBack':
        for (const { slot, uses } of message.slots) this.#pool.giveBack(slot, uses);
        return;
      case 'close':
        return void this.#close(message.id);
      case 'stop':
        this.#options.control.close();
        this.#options.data.close();
        return;
    }
  }

  #open({ fd, version, path, name }: FileHandover): FileContent {
    return new FileContent({
      file: new BorrowedFile(fd, path),
      version,
      path,
      name,
      fileSystem: nodeFileSystem,
      cache: this.#cache,
    });
  }

  /** A segment may be wanted before the file has come: the two messages take different ways. */
  #file(id: number): PromiseWithResolvers<FileContent> {
    const known = this.#files.get(id);
    if (known) return known;
    const file = Promise.withResolvers<FileContent>();
    this.#files.set(id, file);
    return file;
  }

  async #supply(id: number, index: number): Promise<void> {
    try {
      const content = await this.#file(id).promise;
      const bytes = await content.read(index * SEGMENT_BYTES, SEGMENT_BYTES);
      // What lies beyond the end is no segment of anything.
      if (bytes.length > 0) this.#tell({ kind: 'segment', id, index, slot: this.#pool.handOut(bytes), length: bytes.length });
    } catch (error) {
      // Closed meanwhile: nobody waits for it.
      if (!this.#files.has(id)) return;
      const { code, message } = error instanceof TftpError ? error : new TftpError(ErrorCode.undefined, 'cannot read file');
      this.#tell({ kind: 'refuse', id, error: { code, message } });
    }
  }

  async #close(id: number): Promise<void> {
    const content = await this.#files.get(id)?.promise;
    this.#files.delete(id);
    await content?.close();
    this.#options.control.postMessage(id);
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
