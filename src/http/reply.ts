/**
 * How one request is answered, by Node's HTTP server: never in chunks, and with the headers as they are spelt, since firmware compares them
 * with case.
 */
import type { ServerResponse } from 'node:http';
import type { Stats } from '../stats/stats.ts';

type Headers = readonly (readonly [name: string, value: string])[];

/** With the headers, a text of this size fits the 16 KiB that Node writes from its stack. */
const SMALL_BYTES = 8192;

export class Reply {
  readonly #response: ServerResponse;
  readonly #stats: Stats;
  /** Some of the body has gone after the headers. */
  #hasWritten = false;
  #isEndless = false;

  /** @param isLast whether the connection is closed after it */
  constructor(response: ServerResponse, stats: Stats, isLast: boolean) {
    this.#response = response;
    this.#stats = stats;
    // Without a length, the end of the connection is the end of the body (RFC 9112 §6.3).
    response.useChunkedEncodingByDefault = false;
    if (isLast) response.shouldKeepAlive = false;
  }

  /** Bytes that the client has not taken yet. */
  get pendingBytes(): number {
    return this.#response.writableLength;
  }

  /** The whole answer. */
  end(status: number, headers: Headers, body: Uint8Array | undefined): void {
    this.#head(status, headers);
    this.finish(body);
  }

  /** An answer with a short text: without a body, shim waits for one forever. */
  text(status: number, message: string, headers: Headers = []): void {
    const body = Buffer.from(`${message}\n`);
    const about = [['Content-Length', String(body.length)] as const, ['Content-Type', 'text/plain'] as const];
    this.end(status, [...about, ...headers], body);
  }

  /** Its headers. @param isEndless whether the connection ends the body */
  begin(status: number, headers: Headers, isEndless: boolean): void {
    this.#isEndless = isEndless;
    if (isEndless) this.#response.shouldKeepAlive = false;
    this.#head(status, headers);
  }

  /** Some of the body; whether more may follow at once. */
  write(bytes: Uint8Array): boolean {
    this.#hasWritten = true;
    return this.#response.write(bytes);
  }

  /** The last of the body. */
  finish(bytes: Uint8Array | undefined): void {
    // Node joins a text and the headers and writes them at once, where bytes take a second buffer. Each byte is one character of Latin-1.
    const isSmall = bytes !== undefined && bytes.length <= SMALL_BYTES && !this.#hasWritten;
    if (isSmall) this.#response.end(textOf(bytes), 'latin1');
    else this.#response.end(bytes);
  }

  /** Breaks the connection off, so that the client knows that it has not got everything. */
  abort(): void {
    const { socket } = this.#response;
    // An orderly end would be that of the body. TLS has one of its own, which is not sent.
    if (this.#isEndless && socket !== null && !('encrypted' in socket)) socket.resetAndDestroy();
    else this.#response.destroy();
  }

  #head(status: number, headers: Headers): void {
    this.#stats.add(
      status < 300
        ? 'http-answers.successful'
        : status < 400
          ? 'http-answers.not-modified'
          : status < 500
            ? 'http-answers.client-error'
            : 'http-answers.server-error',
    );
    this.#response.writeHead(status, headers.flat());
  }
}

function textOf({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString('latin1');
}
