/** The results of one storm after the other, added up. */
import { resultOf } from '../../src/tftp/storm/result.ts';
import type { StormRun } from '../../src/tftp/storm/run.ts';

/** What many storms came to. */
export class Total {
  storms = 0;
  boots = 0;
  transfers = 0;
  bytes = 0;
  sentAgain = 0;
  receivedAgain = 0;
  faults = 0;
  /** Boots that did not come to their end. */
  wrong = 0;
  readonly failures = new Map<string, number>();

  add({ storm }: StormRun): void {
    const result = resultOf(storm, performance.now());
    this.storms++;
    this.boots += result.boots.completed;
    this.wrong += result.boots.failed + result.boots.unfinished;
    this.transfers += result.requests.completed;
    this.bytes += result.bytes;
    this.sentAgain += result.sentAgain;
    this.receivedAgain += result.receivedAgain;
    this.faults += result.faults.lost + result.faults.duplicated + result.faults.reordered;
    for (const [reason, count] of Object.entries(result.failures)) {
      this.failures.set(reason, (this.failures.get(reason) ?? 0) + count);
    }
    if (result.boots.unfinished > 0) {
      const reason = `not over after ${storm.plan.maxMs / 1000} s`;
      this.failures.set(reason, (this.failures.get(reason) ?? 0) + result.boots.unfinished);
    }
  }

  get plain() {
    const { storms, boots, transfers, bytes, sentAgain, receivedAgain, faults, wrong } = this;
    const failures = Object.fromEntries(this.failures);
    return { storms, boots, transfers, bytes, sentAgain, receivedAgain, faults, wrong, failures };
  }

  get text(): string {
    const { storms, transfers, bytes, sentAgain, receivedAgain, faults } = this;
    const again = `resent ${sentAgain}, received again ${receivedAgain}`;
    const told = `${transfers} in ${storms} storms, ${(bytes / 1e9).toFixed(1)} GB, ${faults} faults, ${again}`;
    return [told, ...Array.from(this.failures, ([reason, count]) => `${count} × ${reason}`)].join('; ');
  }
}
