/** What a process takes of memory, as Linux tells it. */
import { readFileSync } from 'node:fs';

/** MiB that are resident now, or were at most. */
export function residentMib(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const [, kibibytes] = new RegExp(`${field}:\\s+(\\d+)`).exec(status)!;
  return Number(kibibytes) / 1024;
}
