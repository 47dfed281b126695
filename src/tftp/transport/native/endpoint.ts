/**
 * A native socket as the main thread sees it. Changes are passed on to the data thread.
 */

import type { BoundSocket } from '../../../net/native/socket.ts';
import type { ServerEndpoint } from '../../protocol/outbox.ts';
import type { SocketEndpoint, SocketOwner } from '../socket-endpoint.ts';
import type { ToData } from './messages.ts';

/** The way to the data thread. */
export interface DataThreadLink {
  post(message: ToData): void;
  /** Resolves when all that was posted before is in force. */
  applied(): Promise<void>;
}

export class NativeEndpoint implements SocketEndpoint {
  readonly number: number;
  readonly address: string;
  readonly port: number;
  readonly fd: number;
  readonly owner: SocketOwner;
  readonly #post: (message: ToData) => void;
  #accepts = false;
  #replies: readonly ServerEndpoint[] = [];
  /** The data thread was asked to close it. */
  closing = false;
  readonly applied: () => Promise<void>;
  /** Fulfilled when its descriptor is closed, and its port is free. */
  readonly closed: Promise<void>;
  /** Fulfils {@link closed}. */
  readonly markClosed: () => void;

  constructor(number: number, { address, port, fd }: BoundSocket, owner: SocketOwner, { post, applied }: DataThreadLink) {
    this.number = number;
    this.address = address;
    this.port = port;
    this.fd = fd;
    this.owner = owner;
    this.#post = post;
    this.applied = applied;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.markClosed = resolve;
  }

  get accepts(): boolean {
    return this.#accepts;
  }

  set accepts(accepts: boolean) {
    this.#accepts = accepts;
    if (!this.closing) this.#post({ kind: 'accepts', endpoint: this.number, accepts });
  }

  get replies(): readonly ServerEndpoint[] {
    return this.#replies;
  }

  set replies(replies: readonly ServerEndpoint[]) {
    this.#replies = replies;
    this.#tellReplies();
  }

  /** Tells a data thread that it is there: the first one, and one that takes the place of a dead one. */
  announce(): void {
    const { number, fd, address, port } = this;
    this.#post({ kind: 'endpoint', endpoint: number, fd, address, port });
  }

  /** Tells what it is for, once all that it replies from are announced. */
  describe(): void {
    this.#tellReplies();
    this.accepts = this.#accepts;
  }

  close(): Promise<void> {
    if (this.closing) return this.closed;
    this.closing = true;
    this.#accepts = false;
    this.#post({ kind: 'close', endpoint: this.number });
    return this.closed;
  }

  #tellReplies(): void {
    const living = (this.#replies as readonly NativeEndpoint[]).filter(({ closing }) => !closing);
    const replies = living.map(({ number }) => number);
    this.#post({ kind: 'replies', endpoint: this.number, replies });
  }
}
