/** The storm's own logic, on the simulated network. */
import { describe, expect, test } from 'vitest';
import { arrivals, busiestSecond, CURVES } from '../../../src/tftp/storm/arrival.ts';
import { demandOf, excess } from '../../../src/tftp/storm/demand.ts';
import { PROFILE_NAMES } from '../../../src/tftp/storm/profile.ts';
import { seededRandom } from '../../../src/tftp/storm/random.ts';
import { PERFECT } from '../../kit/network.ts';
import { bytesOf, SERVER, simulate } from './support.ts';

const FILES = { 'boot.efi': 70_000, 'initrd.img': 200_000 };
const LOAD = Object.keys(FILES);

describe('a mixed storm', () => {
  const mixed = { load: LOAD, files: FILES, arrivals: new Float64Array(60), clients: 20, profiles: PROFILE_NAMES };

  test('every boot ends well, and nothing is left', () => {
    const { result, server, leftovers, mostOpen } = simulate(mixed);
    expect(leftovers).toEqual([]);
    expect(result.boots).toEqual({ asked: 60, completed: 60, failed: 0, unfinished: 0 });
    expect(result.requests).toEqual({ completed: 120, probed: 20, absent: 110, failed: 0 });
    expect(result.bytes).toBe(60 * 270_000);
    expect(result).toMatchObject({ failures: {}, sentAgain: 0, receivedAgain: 0, faults: { lost: 0 } });
    expect(mostOpen).toBe(20);
    expect(server.endings.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
  });

  const bad = { ...mixed, faults: { loss: 0.02, duplication: 0.05, reordering: 0.05 } };

  test('so does each on a bad network, byte by byte', () => {
    const { result, leftovers } = simulate(bad);
    expect(leftovers).toEqual([]);
    expect(result.boots).toMatchObject({ completed: 60, failed: 0 });
    expect(result.failures).toEqual({});
    for (const count of Object.values(result.faults)) expect(count).toBeGreaterThan(100);
    expect(result.sentAgain).toBeGreaterThan(0);
    expect(result.receivedAgain).toBeGreaterThan(0);
  });

  test('a seed repeats it to the datagram, another does not', () => {
    const [one, same, other] = [simulate(bad), simulate(bad), simulate({ ...bad, seed: 2 })];
    expect(same.network.traceHash).toBe(one.network.traceHash);
    expect(same.result).toEqual(one.result);
    expect(other.network.traceHash).not.toBe(one.network.traceHash);
  });

  test('the rates are those asked for', () => {
    const { result, network } = simulate({ ...bad, faults: { loss: 0.1, duplication: 0, reordering: 0 } });
    // Each datagram is lost on the way out or on the way in; what is lost on the way out the network never saw.
    const share = result.faults.lost / (network.sent + result.faults.lost);
    expect(share).toBeGreaterThan(0.08);
    expect(share).toBeLessThan(0.12);
    expect(result.faults).toMatchObject({ duplicated: 0, reordered: 0 });
  });
});

describe('what fails', () => {
  test('a missing file ends the boot, with the server’s words', () => {
    const { result, requests } = simulate({ load: ['absent', 'boot.efi'], files: FILES, arrivals: new Float64Array(3) });
    expect(result.boots).toEqual({ asked: 3, completed: 0, failed: 3, unfinished: 0 });
    expect(result.failures).toEqual({ 'ERROR 1: no such file': 3 });
    expect(result.failedProfiles).toEqual({ ipxe: 3 });
    expect(requests.every(({ packet }) => packet.name === 'absent')).toBe(true);
  });

  test('unless it may be absent', () => {
    const { result } = simulate({ load: ['absent', 'boot.efi'], files: FILES, allowAbsent: true });
    expect(result.boots.completed).toBe(1);
    expect(result.requests).toMatchObject({ absent: 1, completed: 1, failed: 0 });
  });

  test('wrong bytes, wherever they are', () => {
    for (const at of [0, 100_000, 199_999]) {
      const { result, leftovers } = simulate({
        load: LOAD,
        files: FILES,
        expected: (name) => {
          if (name !== 'initrd.img') return undefined;
          const bytes = bytesOf(name, FILES[name]);
          bytes[at]! ^= 1;
          return bytes;
        },
      });
      expect(leftovers).toEqual([]);
      expect(result.failures).toEqual({ 'wrong bytes': 1 });
    }
  });

  test('a file that is shorter or longer than it should be', () => {
    for (const [name, size] of [
      ['boot.efi', 69_999],
      ['boot.efi', 70_001],
    ] as const) {
      const { result } = simulate({ load: [name], files: FILES, expected: () => new Uint8Array(size) });
      expect(result.failures).toEqual({ 'wrong bytes': 1 });
    }
  });

  test('nobody answers', () => {
    const { result, requests, leftovers } = simulate({ load: ['boot.efi'], files: FILES, link: { ...PERFECT, loss: 1 } });
    expect(leftovers).toEqual([]);
    expect(result.failures).toEqual({ 'no answer from the server': 1 });
    expect(result.ms).toBe(30_000);
    expect(requests.length).toBeGreaterThan(4);
    expect(result.sentAgain).toBe(requests.length - 1);
  });

  test('the time is up', () => {
    const { result, leftovers, server } = simulate({
      load: ['initrd.img'],
      files: FILES,
      arrivals: new Float64Array(30),
      clients: 10,
      maxMs: 100,
    });
    expect(leftovers).toEqual([]);
    expect(result.ms).toBe(100);
    expect(result.boots).toEqual({ asked: 30, completed: 0, failed: 0, unfinished: 30 });
    // The server is told, so that it does not go on into the void.
    expect(server.endings.map(({ outcome }) => outcome)).toEqual(Array(10).fill('aborted'));
  });
});

describe('arrivals', () => {
  const times = (curve: (typeof CURVES)[number]) => arrivals(curve, 1000, 10_000, seededRandom(5));

  test.each(CURVES)('%s: in order, and a boot begins no earlier than its time', (curve) => {
    const planned = times(curve);
    expect([...planned]).toEqual([...planned].sort((a, b) => a - b));
    expect(planned[0]).toBeGreaterThanOrEqual(0);
    const { requests } = simulate({ load: ['boot.efi'], files: FILES, arrivals: planned.slice(0, 100), clients: 1000 });
    expect(requests).toHaveLength(100);
    requests.forEach(({ at }, boot) => {
      expect(at).toBeGreaterThanOrEqual(planned[boot]!);
      expect(at).toBeLessThan(planned[boot]! + 5);
    });
  });

  test('how many come in the busiest second', () => {
    expect(busiestSecond(times('all'))).toBe(1000);
    expect(busiestSecond(times('uniform'))).toBe(100);
    expect(busiestSecond(times('wave'))).toBeGreaterThan(180);
    expect(busiestSecond(times('wave'))).toBeLessThanOrEqual(200);
    expect(busiestSecond(times('poisson'))).toBeGreaterThan(100);
    expect(busiestSecond(times('poisson'))).toBeLessThan(200);
    expect(busiestSecond(new Float64Array(0))).toBe(0);
  });

  test('what is too much to be begun unasked', () => {
    const plan = (
      boots: number,
      clients: number,
      profile: (typeof PROFILE_NAMES)[number],
      curve: (typeof CURVES)[number] = 'all',
    ) => {
      const { storm } = simulate({ load: [], arrivals: new Float64Array(0) });
      const files = [{ server: SERVER, name: 'f' }];
      const when = arrivals(curve, boots, 10_000, Math.random);
      return excess(demandOf({ ...storm.plan, files, arrivals: when, clients, profiles: [profile] }));
    };
    expect(plan(100, 100, 'ipxe')).toBeUndefined();
    expect(plan(101, 101, 'ipxe')).toMatch(/^101 clients at a time, more than 100$/);
    expect(plan(501, 10, 'ipxe')).toMatch(/^up to 501 requests within a second, more than 500$/);
    expect(plan(251, 10, 'edk2')).toMatch(/502 requests/);
    expect(plan(4000, 10, 'ipxe', 'uniform')).toBeUndefined();
    // The busiest second, not the mean.
    expect(plan(4000, 10, 'ipxe', 'wave')).toMatch(/requests within a second/);
  });
});
