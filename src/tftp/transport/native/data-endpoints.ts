/**
 * The sockets of the data thread, by the numbers that the main thread gives them. It opens and closes none: the main thread does.
 */
import type { Segmentation, Sender } from '../../../net/native/batch.ts';
import type { EpollPort } from '../../../net/native/epoll-driver.ts';
import type { ServerEndpoint } from '../../protocol/outbox.ts';
import type { ToData } from './messages.ts';

/** A socket as an endpoint of the Engine, and as the driver reads it. */
export class DataEndpoint implements ServerEndpoint, Sender, EpollPort {
  readonly number: number;
  readonly fd: number;
  readonly address: string;
  readonly port: number;
  readonly segmentation: Segmentation;
  closed = false;
  accepts = false;
  replies: readonly ServerEndpoint[] = [];

  constructor(number: number, fd: number, address: string, port: number, segmentation: Segmentation) {
    this.number = number;
    this.fd = fd;
    this.address = address;
    this.port = port;
    this.segmentation = segmentation;
  }

  /** Requests are: the ACK that ends a transfer makes room for the client's next one, and came before it. */
  get takenLast(): boolean {
    return this.accepts;
  }
}

export class DataEndpoints {
  readonly #byNumber = new Map<number, DataEndpoint>();
  /** By local address: the device is the same. */
  readonly #segmentation = new Map<string, Segmentation>();

  open({ endpoint: number, fd, address, port }: Extract<ToData, { kind: 'endpoint' }>): DataEndpoint {
    const segmentation = this.#segmentation.get(address) ?? { works: true };
    this.#segmentation.set(address, segmentation);
    const endpoint = new DataEndpoint(number, fd, address, port, segmentation);
    this.#byNumber.set(number, endpoint);
    return endpoint;
  }

  /** Whether requests are taken there. */
  accept(number: number, accepts: boolean): void {
    this.#byNumber.get(number)!.accepts = accepts;
  }

  /** Where requests that come there are answered from. */
  reply(number: number, replies: readonly number[]): void {
    this.#byNumber.get(number)!.replies = replies.map((other) => this.#byNumber.get(other)!);
  }

  /** Nothing is sent from it any more. `undefined` if it is not open. */
  close(number: number): DataEndpoint | undefined {
    const endpoint = this.#byNumber.get(number);
    if (endpoint === undefined) return undefined;
    endpoint.closed = true;
    endpoint.accepts = false;
    this.#byNumber.delete(number);
    return endpoint;
  }
}
