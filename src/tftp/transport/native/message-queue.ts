/**
 * Messages on their way into a mailbox. Those that find no room wait in order until the other thread has read; the caller never does.
 */
export class MessageQueue<Message> {
  readonly #pack: (message: Message) => boolean;
  #waiting: Message[] = [];

  /** @param pack `false` if there is no room now */
  constructor(pack: (message: Message) => boolean) {
    this.#pack = pack;
  }

  /** Whether messages wait for room: {@link flush} again soon. */
  get waits(): boolean {
    return this.#waiting.length > 0;
  }

  send(message: Message): void {
    if (this.#waiting.length > 0 || !this.#pack(message)) this.#waiting.push(message);
  }

  /** Packs what waits, as far as there is room. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    let packed = 0;
    while (packed < waiting.length && this.#pack(waiting[packed]!)) packed++;
    this.#waiting = waiting.slice(packed);
  }
}
