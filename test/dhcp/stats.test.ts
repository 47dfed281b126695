/** What the DHCP service counts: a scenario for each counter of its own, and nothing else counted in it. */
import { describe, expect, test } from 'vitest';
import { type DhcpFields, decodePacket, encodePacket } from '../../src/dhcp/protocol/packet.ts';
import { COUNTER_NAMES, type CounterName } from '../../src/stats/counters.ts';
import { type DhcpRig, dhcpRig, withHooks } from '../kit/dhcp.ts';
import { dhcpVectors } from './protocol/vectors.ts';

const vector = (name: string) => dhcpVectors.find((one) => one.name === name)!.bytes;
const discover = (fields: Partial<DhcpFields> = {}) => {
  const packet = decodePacket(vector('ovmf-x64-discover-67'))!;
  return encodePacket({ ...packet, ...fields, options: [...packet.options] });
};

interface Scenario {
  readonly what: string;
  readonly act: (rig: DhcpRig) => Promise<unknown>;
  readonly counts: Partial<Record<CounterName, number>>;
}

const answered = { 'requests.boot': 1, 'outcomes.completed': 1 };

const scenarios: readonly Scenario[] = [
  {
    what: 'an offer',
    act: (rig) => rig.ask('eth0', 67, discover()),
    counts: { ...answered, 'dhcp-requests.discover': 1, 'dhcp-answers.offer': 1 },
  },
  {
    what: 'an answer of the boot server',
    act: (rig) => rig.ask('10.214.0.2', 4011, vector('ovmf-x64-request-4011')),
    counts: { ...answered, 'dhcp-requests.boot-server': 1, 'dhcp-answers.boot-server': 1 },
  },
  {
    what: 'a machine that is offered nothing',
    act: (rig) => rig.ask('eth0', 67, vector('ovmf-http-discover-67')),
    counts: { 'requests.boot': 1, 'outcomes.refused': 1, 'dhcp-requests.discover': 1, 'dhcp-answers.none': 1 },
  },
  { what: 'a claim', act: (rig) => rig.ask('eth0', 67, vector('ovmf-x64-request-67')), counts: { 'dhcp-requests.claim': 1 } },
  { what: 'rubbish', act: (rig) => rig.ask('eth0', 67, Uint8Array.of(1)), counts: { 'dhcp-drops.malformed': 1 } },
  {
    what: 'a phone',
    act: (rig) => rig.ask('eth0', 67, vector('other-vendor-discover-67')),
    counts: { 'dhcp-drops.other-client': 1 },
  },
  {
    what: 'a relay of an unknown network',
    act: (rig) => rig.ask('10.214.0.2', 67, discover({ giaddr: '10.9.0.1' })),
    counts: { 'dhcp-drops.relay-not-allowed': 1 },
  },
  {
    what: 'a machine that asks too often',
    act: async (rig) => {
      for (let i = 0; i < 4; i++) await rig.ask('eth0', 67, discover());
    },
    counts: {
      'requests.boot': 3,
      'outcomes.completed': 3,
      'dhcp-requests.discover': 3,
      'dhcp-answers.offer': 3,
      'dhcp-drops.too-many-of-machine': 1,
    },
  },
  {
    what: 'a relay that forwards too much',
    act: async (rig) => {
      for (let i = 0; i < 5; i++) {
        const fields = { giaddr: '10.2.0.9', chaddr: Uint8Array.of(2, 0, 0, 0, 0, i) };
        await rig.ask('10.214.0.2', 67, discover(fields));
      }
    },
    counts: {
      'requests.boot': 4,
      'outcomes.completed': 4,
      'dhcp-requests.discover': 4,
      'dhcp-answers.offer': 4,
      'dhcp-drops.too-many-of-relay': 1,
    },
  },
  {
    what: 'too many at a time',
    act: async (rig) => {
      for (let i = 0; i < 6; i++)
        rig.sockets.deliver('eth0', 67, discover({ chaddr: Uint8Array.of(2, 0, 0, 0, 0, i) }), { address: '0.0.0.0', port: 68 });
      await rig.idle();
    },
    counts: {
      'requests.boot': 5,
      'outcomes.completed': 5,
      'dhcp-requests.discover': 6,
      'dhcp-answers.offer': 5,
      'dhcp-drops.too-many': 1,
    },
  },
];

describe('the counters of DHCP', () => {
  test.each(scenarios)('$what', async ({ act, counts }) => {
    const limits = { requestsPerMachine: 3, requestsPerRelay: 4, exchanges: 5 };
    const boot = withHooks({ boot: async () => 'file' });
    await using rig = await dhcpRig({ dhcp: { limits, relays: ['10.8.0.0/24'] }, plugins: [boot] });
    await act(rig);
    const counted = Object.entries(rig.server.stats().counters).filter(([, count]) => count > 0);
    expect(Object.fromEntries(counted)).toEqual(counts);
    expect(rig.server.stats().gauges['live.requests']).toBe(0);
    const { histograms } = rig.server.stats();
    const answers = (counts['dhcp-answers.offer'] ?? 0) + (counts['dhcp-answers.boot-server'] ?? 0);
    expect(histograms['dhcp-answer-seconds'].count).toBe(answers);
  });

  test('have each a scenario', () => {
    const seen = new Set(scenarios.flatMap(({ counts }) => Object.keys(counts)));
    expect(COUNTER_NAMES.filter((name) => /^dhcp-|^requests\.boot$/.test(name) && !seen.has(name))).toEqual([]);
  });
});
