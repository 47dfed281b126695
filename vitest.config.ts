import { defineConfig } from 'vitest/config';

const shared = {
  // Node itself runs the sources, as it does for users: Vite's module runner would bypass the config loader's hooks.
  experimental: { viteModuleRunner: false },
  testTimeout: 30_000,
};

/** One after the other: each of these loads the machine by itself. */
const order = (groupOrder: number) => ({ sequence: { groupOrder } });

/** These mostly wait, for machines that boot and for answers that may yet come. */
const waiting = { ...order(4), maxWorkers: 2 };

/** Ask DHCP servers in network namespaces. */
const DHCP = ['test/netns/dhcp-servers.test.ts', 'test/netns/doctor.test.ts', 'test/netns/proxy-dhcp.test.ts'];

const isCI = !['', '0', 'false'].includes(process.env.CI ?? '');
const hasNative = process.platform === 'linux' && process.arch === 'x64';
if (!hasNative && !isCI) console.warn(`native: skipped on ${process.platform}, ${process.arch}`);

/**
 * `native` runs the tests of `unit` that go over the wire once more, over the native transport. `reload` is the stress test of
 * reloads. `foreign` needs other TFTP clients, `firmware` needs QEMU and root, `dhcp` and `netns` root for network namespaces. Each
 * skips visibly at a desk and fails in CI.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          ...order(1),
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/reload-stress/**', 'test/foreign/**', 'test/firmware/**', 'test/netns/**'],
        },
      },
      ...(hasNative || isCI
        ? [
            {
              test: {
                ...shared,
                ...order(1),
                name: 'native',
                env: { PXE_TEST_TRANSPORT: 'native' },
                include: ['test/server/*.test.ts', 'test/tftp/transport/transport.test.ts'],
              },
            },
          ]
        : []),
      { test: { ...shared, ...order(2), name: 'reload', include: ['test/reload-stress/**/*.test.ts'] } },
      { test: { ...shared, ...order(3), name: 'foreign', include: ['test/foreign/**/*.test.ts'], testTimeout: 120_000 } },
      { test: { ...shared, ...waiting, name: 'firmware', include: ['test/firmware/**/*.test.ts'], testTimeout: 300_000 } },
      { test: { ...shared, ...waiting, name: 'dhcp', include: DHCP, testTimeout: 120_000 } },
      {
        test: {
          ...shared,
          ...order(5),
          name: 'netns',
          include: ['test/netns/**/*.test.ts'],
          exclude: DHCP,
          testTimeout: 120_000,
        },
      },
    ],
  },
});
