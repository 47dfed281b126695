/**
 * The transport that a test run is over. The projects `unit` and `native` of `vitest.config.ts` run the same tests over one each.
 */
export const transport: 'portable' | 'native' = process.env.PXE_TEST_TRANSPORT === 'native' ? 'native' : 'portable';
