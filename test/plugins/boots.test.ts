import { accessLog } from 'pxe/plugins';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Boot, MAX_STEPS } from '../../plugins/boot-session.ts';
import { Boots, MAX_MACHINES } from '../../plugins/boots.ts';
import { LastSteps } from '../../plugins/lib/last-steps.ts';
import type { DhcpRequest, DhcpSummary, Firmware } from '../../src/index.ts';
import { KeptState } from '../../src/plugin/kept.ts';
import type { ExchangeSummary } from '../../src/plugin/types.ts';
import { environment, readRequest, start, summary, TFTP_SUMMARY, transfer, writeRequest } from '../plugin/support.ts';

const mac = '52:54:00:12:34:56';

/** Requests one after the other at times that the test tells. */
function booting(idleMs = 60_000) {
  const told: Boot[] = [];
  const boots = new Boots({ idleMs, onBoot: (boot) => void told.push(boot) });
  let id = 0;
  /** A request from `at` for `ms`; the client is one with a MAC address unless told otherwise. */
  const ask = (
    served: string,
    at: number,
    ms: number,
    ended: Partial<ExchangeSummary> = {},
    client: object = { mac, macSource: 'table' },
  ) => {
    const common = { id: ++id, request: readRequest(served, client), served };
    if (ended.outcome !== 'refused') boots.start(transfer(common), at);
    boots.end(
      summary({ ...common, bytes: 100, durationMs: ms, tftp: { ...TFTP_SUMMARY, retransmissions: 0 }, ...ended }),
      at + ms,
    );
  };
  const absent = (name: string, at: number, client?: object) =>
    ask(
      name,
      at,
      1,
      { outcome: 'refused', bytes: 0, error: { code: 1, message: 'file not found', reason: 'not-found' } },
      client,
    );
  const offer = (firmware: Firmware, offered: string, at: number, dhcp: Partial<DhcpSummary> = {}) => {
    const client = { address: '0.0.0.0', port: 68, mac, firmware };
    const request: DhcpRequest = {
      ...{ protocol: 'dhcp', kind: 'boot', asked: '', name: '', client },
      local: { address: '192.168.7.1', port: 67 },
      dhcp: { vendorClass: 'PXEClient' },
    };
    const said: DhcpSummary = { port: 67, layout: 'direct', offered, isRepeat: false, relay: undefined, secs: 0, ...dhcp };
    const { tftp: _, ...ended } = summary({ id: ++id, request, durationMs: 2 });
    boots.end({ ...ended, dhcp: said }, at + 2);
  };
  return { boots, told, ask, absent, offer };
}

const namesOf = ({ steps }: Boot) => steps.map(({ served }) => served);

describe('a boot', () => {
  test('from shim to initrd is one story', () => {
    const one = booting();
    one.ask('shimx64.efi', 1000, 5, { outcome: 'probed', bytes: 0, error: { code: 8, message: 'User aborted' } });
    one.ask('shimx64.efi', 1010, 90, { bytes: 900_000 });
    one.absent('revocations.efi', 1150);
    one.ask('grubx64.efi', 1200, 300, { bytes: 2_000_000, tftp: { ...TFTP_SUMMARY, retransmissions: 3 } });
    for (let n = 0; n < 9; n++) one.absent(`grub.cfg-${n}`, 1600 + n);
    one.ask('grub.cfg', 1700, 1);
    one.ask('vmlinuz', 3700, 500, { bytes: 8_000_000 });
    one.ask('initrd', 4200, 1800, { bytes: 40_000_000, outcome: 'aborted', error: { code: 0, message: 'closed' } });
    one.ask('secret', 6000, 1, { outcome: 'refused', bytes: 0, error: { code: 2, message: 'no' } });
    one.boots.sweep(66_000);
    expect(one.told).toEqual([]);
    one.boots.sweep(66_001);
    expect(one.told).toEqual([
      {
        client: expect.objectContaining({ mac, macSource: 'table', address: '192.168.7.20' }),
        offers: [],
        steps: [
          { served: 'shimx64.efi', bytes: 900_000, ms: 100, afterMs: 0, requests: 2, outcome: undefined },
          { served: 'grubx64.efi', bytes: 2_000_000, ms: 300, afterMs: 100, requests: 1, outcome: undefined },
          { served: 'grub.cfg', bytes: 100, ms: 1, afterMs: 200, requests: 1, outcome: undefined },
          { served: 'vmlinuz', bytes: 8_000_000, ms: 500, afterMs: 1999, requests: 1, outcome: undefined },
          { served: 'initrd', bytes: 40_000_000, ms: 1800, afterMs: 0, requests: 1, outcome: 'aborted' },
        ],
        moreSteps: 0,
        ms: 5001,
        bytes: 50_900_100,
        requests: 17,
        probes: 1,
        absent: 10,
        refused: 1,
        retransmissions: 3,
        ended: 'idle',
        continued: false,
      },
    ]);
    expect(one.boots.size).toBe(0);
  });

  test('by DHCP begins with the offer, and goes on as iPXE asks for another', () => {
    const { ask, boots, told, offer } = booting();
    offer('uefi-x64', 'ipxe.efi', 1000);
    offer('uefi-x64', 'ipxe.efi', 5000, { isRepeat: true });
    ask('ipxe.efi', 6000, 100);
    offer('ipxe', 'boot.ipxe', 8000);
    ask('boot.ipxe', 8010, 10);
    expect(told).toEqual([]);
    boots.cut();
    expect(told).toMatchObject([
      {
        client: { mac, address: '192.168.7.20' },
        offers: [
          { offered: 'ipxe.efi', layout: 'direct', answeredOn: 67, firmware: 'uefi-x64', ms: 2 },
          { offered: 'boot.ipxe', firmware: 'ipxe' },
        ],
        steps: [{ served: 'ipxe.efi' }, { served: 'boot.ipxe' }],
        ms: 7020,
        requests: 2,
      },
    ]);
  });

  test('by DHCP ends as the firmware asks anew, on whatever it had come to', () => {
    const { ask, boots, told, offer } = booting();
    for (const at of [0, 20_000]) {
      offer('bios', 'undionly.kpxe', at);
      ask('undionly.kpxe', at + 100, 100);
    }
    expect(told).toMatchObject([{ ended: 'again', requests: 1, offers: [{}] }]);
    boots.cut();
    expect(told).toHaveLength(2);
  });

  test('machines that have no address yet are not one machine', () => {
    const { ask, boots, told, offer } = booting();
    offer('bios', 'undionly.kpxe', 0);
    ask('other', 10, 10, {}, { mac: '52:54:00:00:00:02', address: '192.168.7.21' });
    ask('undionly.kpxe', 100, 100);
    boots.cut();
    expect(told.map(({ client, steps }) => [client.mac, steps.length])).toEqual([
      [mac, 1],
      ['52:54:00:00:00:02', 1],
    ]);
  });

  test('ends as the next begins with the same file', () => {
    const { ask, boots, told } = booting();
    for (const at of [0, 10_000]) {
      ask('ipxe.efi', at, 5, { outcome: 'probed' });
      ask('ipxe.efi', at + 10, 50);
      ask('boot.ipxe', at + 100, 5);
    }
    expect(told).toMatchObject([{ ended: 'again', requests: 3, ms: 105 }]);
    boots.cut();
    expect(told.slice(1)).toMatchObject([
      { ended: 'cut', requests: 3, ms: 105, steps: [{ served: 'ipxe.efi', requests: 2 }, { served: 'boot.ipxe' }] },
    ]);
  });

  test('the same file several times in a row is one step, and no new boot', () => {
    const { ask, boots, told } = booting();
    for (let n = 0; n < 4; n++) ask('ipxe.efi', n * 100, 10);
    boots.cut();
    expect(told).toMatchObject([{ requests: 4, steps: [{ requests: 4, bytes: 400, ms: 310 }] }]);
  });

  test('goes on while a file is on its way, however long that takes', () => {
    const { boots, told } = booting(1000);
    boots.start(transfer({ id: 1, request: readRequest('initrd') }), 0);
    boots.sweep(500_000);
    expect(told).toEqual([]);
    boots.end(summary({ id: 1, request: readRequest('initrd'), durationMs: 500_000 }), 500_000);
    boots.sweep(501_000);
    expect(told).toMatchObject([{ ended: 'idle', ms: 500_000 }]);
  });

  test('is one though its MAC address shows late, or not in every name, or its address changes', () => {
    const { ask, absent, boots, told } = booting();
    ask('pxelinux.0', 0, 10, {}, {});
    ask('ldlinux.c32', 20, 10, {}, {});
    absent('uuid', 40, {});
    ask('pxelinux.cfg/01-52', 50, 1, {}, { mac, macSource: 'filename' });
    ask('vmlinuz', 60, 10, {}, {});
    ask('initrd', 80, 10, {}, { mac, macSource: 'leases', address: '192.168.7.99' });
    ask('squashfs', 90, 10, {}, { address: '192.168.7.99' });
    boots.cut();
    expect(told.map(namesOf)).toEqual([['pxelinux.0', 'ldlinux.c32', 'pxelinux.cfg/01-52', 'vmlinuz', 'initrd', 'squashfs']]);
    expect(told[0]?.client).toMatchObject({ mac, macSource: 'filename' });
  });

  test('belongs to one machine: several behind one address are told apart by their MAC addresses', () => {
    const { ask, boots, told } = booting();
    const other = { mac: '52:54:00:00:00:02' };
    ask('a', 0, 10);
    ask('a', 5, 10, {}, other);
    ask('b', 20, 10);
    ask('b', 25, 10, {}, other);
    ask('c', 30, 10, {}, { address: '192.168.7.21' });
    boots.cut();
    expect(told.map(namesOf)).toEqual([['a', 'b'], ['a', 'b'], ['c']]);
  });

  test('has so many steps and no more; the totals count all', () => {
    const { ask, boots, told } = booting();
    for (let n = 0; n < MAX_STEPS + 10; n++) for (const again of [0, 2]) ask(`f${n}`, n * 10 + again, 1);
    boots.cut();
    expect(told).toMatchObject([{ moreSteps: 10, requests: 2 * MAX_STEPS + 20, bytes: 100 * (2 * MAX_STEPS + 20) }]);
    expect(told[0]?.steps.length).toBe(MAX_STEPS);
  });

  test('of so many machines and no more: the oldest is cut off', () => {
    const { ask, boots, told } = booting();
    for (let n = 0; n <= MAX_MACHINES; n++) ask('a', n, 1, {}, { address: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}` });
    expect(told).toMatchObject([{ ended: 'cut', client: { address: '10.0.0.0' } }]);
    expect(boots.size).toBe(MAX_MACHINES);
    boots.sweep(1e9);
    expect([boots.size, told.length]).toEqual([0, MAX_MACHINES + 1]);
  });

  test('is over five seconds after its kernel or its last image, and told once', () => {
    const { ask, boots, told } = booting();
    ask('pxelinux.0', 0, 10);
    ask('vmlinuz', 100, 10);
    ask('initrd.img', 4000, 1000);
    boots.sweep(9_999);
    expect(told).toEqual([]);
    boots.sweep(10_000);
    expect(told).toMatchObject([{ ended: 'done', ms: 5000, requests: 3 }]);
    boots.sweep(100_000);
    expect([told.length, boots.size]).toEqual([1, 0]);
  });

  test('that never got its last file whole is waited for', () => {
    const { ask, boots, told } = booting();
    ask('pxelinux.0', 0, 10);
    ask('vmlinuz', 100, 10, { outcome: 'failed' });
    boots.sweep(10_000);
    expect(told).toEqual([]);
  });

  test('of a kind that has ended so before is over five seconds after the same file', () => {
    const { ask, boots, told } = booting();
    const boot = (at: number) => {
      ask('ipxe.efi', at, 10);
      ask('boot.ipxe', at + 20, 10);
    };
    boot(0);
    boots.sweep(10_000);
    expect(told).toEqual([]);
    boots.sweep(60_030);
    boot(100_000);
    boots.sweep(105_030);
    expect(told.map(({ ended }) => ended)).toEqual(['idle', 'done']);
  });

  test('that goes on after it seemed over is continued in a line of its own, and the sign is not trusted again', () => {
    const { ask, absent, boots, told } = booting();
    const begin = (at: number) => {
      ask('grub.efi', at, 10);
      ask('vmlinuz', at + 20, 10);
      boots.sweep(at + 6000);
    };
    begin(0);
    absent('late.cfg', 10_000);
    ask('late.img', 10_010, 10);
    boots.cut();
    expect(told.map(({ ended, continued }) => [ended, continued])).toEqual([
      ['done', false],
      ['cut', true],
    ]);
    expect(told[1]).toMatchObject({ absent: 1, requests: 2, steps: [{ served: 'late.img' }] });
    begin(100_000);
    expect(told).toHaveLength(2);
  });

  test('that begins anew after it was over is no continuation', () => {
    const { ask, boots, told } = booting();
    for (const at of [0, 10_000]) {
      ask('grub.efi', at, 10);
      ask('vmlinuz', at + 20, 10);
      boots.sweep(at + 6000);
    }
    expect(told.map(({ ended, continued }) => [ended, continued])).toEqual([
      ['done', false],
      ['done', false],
    ]);
  });

  test('is none of uploads', () => {
    const { boots, told } = booting();
    boots.start(transfer({ request: writeRequest('log') }), 0);
    boots.end(summary({ request: writeRequest('log') }), 10);
    boots.cut();
    expect(told).toEqual([]);
  });
});

describe('accessLog', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  async function logging(options?: Parameters<typeof accessLog>[0]) {
    const env = environment();
    const pipeline = await start([accessLog(options)], env);
    const ask = (name: string, id: number) => {
      pipeline.start(transfer({ id, request: readRequest(name, { mac }), served: name }));
      vi.advanceTimersByTime(20);
      pipeline.end(
        summary({
          id,
          request: readRequest(name, { mac }),
          served: name,
          durationMs: 20,
          tftp: { ...TFTP_SUMMARY, retransmissions: 0 },
        }),
      );
    };
    const lines = () => env.log.lines.filter(({ message }) => message === 'boot');
    return { pipeline, ask, lines };
  }

  test('one line for a boot, once its machine is idle, and no timer after it', async () => {
    const { ask, lines } = await logging();
    ask('a', 1);
    vi.advanceTimersByTime(30_000);
    ask('b', 2);
    vi.advanceTimersByTime(59_000);
    expect(lines()).toEqual([]);
    vi.advanceTimersByTime(17_000);
    expect(lines()).toEqual([
      {
        level: 'info',
        message: 'boot',
        fields: {
          plugin: 'access-log',
          client: '192.168.7.20',
          mac,
          macSource: undefined,
          host: undefined,
          steps: [
            { served: 'a', bytes: 3_000_000, ms: 20, afterMs: 0, requests: 1, outcome: undefined },
            { served: 'b', bytes: 3_000_000, ms: 20, afterMs: 30_000, requests: 1, outcome: undefined },
          ],
          ms: 30_040,
          bytes: 6_000_000,
          requests: 2,
          absent: undefined,
          probes: undefined,
          refused: undefined,
          retransmissions: undefined,
          moreSteps: undefined,
          continued: undefined,
          ended: 'idle',
        },
      },
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('what is open is told at the end, and no timer stays', async () => {
    const { ask, lines, pipeline } = await logging({ boots: { idleMs: 5000 } });
    ask('a', 1);
    ask('b', 2);
    expect(vi.getTimerCount()).toBe(1);
    vi.useRealTimers();
    await pipeline.dispose();
    expect(lines()).toMatchObject([{ fields: { ended: 'cut', requests: 2 } }]);
  });

  test('a single request has its line already', async () => {
    const { ask, lines } = await logging();
    ask('a', 1);
    vi.advanceTimersByTime(100_000);
    expect(lines()).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a reload cuts no boot in two: the new generation goes on with it, in its own log and timing', async () => {
    const env = environment({ kept: new KeptState() });
    const ask = (pipeline: Awaited<ReturnType<typeof start>>, name: string, id: number) => {
      pipeline.start(transfer({ id, request: readRequest(name, { mac }), served: name }));
      pipeline.end(summary({ id, request: readRequest(name, { mac }), served: name, durationMs: 20 }));
    };
    const first = await start([accessLog({ starts: false })], env);
    ask(first, 'a', 1);
    first.start(transfer({ id: 2, request: readRequest('b', { mac }), served: 'b' }));
    const second = await start([accessLog({ starts: false, boots: { idleMs: 5000 } })], env);
    first.end(summary({ id: 2, request: readRequest('b', { mac }), served: 'b', durationMs: 20 }));
    const disposed = first.dispose();
    ask(second, 'c', 3);
    const boots = () => env.log.lines.filter(({ message }) => message === 'boot').map(({ fields }) => fields);
    await disposed;
    expect(boots()).toEqual([]);
    vi.advanceTimersByTime(7000);
    expect(boots()).toMatchObject([{ ended: 'idle', requests: 3, steps: [{ served: 'a' }, { served: 'b' }, { served: 'c' }] }]);
    ask(second, 'a', 4);
    ask(second, 'b', 5);
    vi.useRealTimers();
    await second.dispose();
    expect(boots().slice(1)).toMatchObject([{ ended: 'cut', requests: 2 }]);
  });

  test('switched off', async () => {
    const { ask, lines } = await logging({ boots: false });
    ask('a', 1);
    ask('b', 2);
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(100_000);
    expect(lines()).toEqual([]);
  });
});

test.each([
  ['vmlinuz', true],
  ['debian/linux', true],
  ['vmlinuz-6.12.48+deb13-amd64', true],
  ['images/initrd.gz', true],
  ['initrd.img-6.12', true],
  ['c0ffee12/kernel8.img', true],
  ['Boot/boot.wim', true],
  ['live/filesystem.squashfs', true],
  ['pxelinux.0', false],
  ['ldlinux.c32', false],
  ['grub/grub.cfg', false],
  ['linux.cfg/default', false],
  ['ipxe/snponly.efi', false],
  ['plugin:generate', false],
])('%s as the last file of a boot: %s', (name, expected) => {
  expect(new LastSteps().isLast('first', name)).toBe(expected);
});
