/** Size of the file `state`. */
export const STATE_BYTES = 300_000;

/** A config whose plugin answers `who` with a text, and `state` with {@link STATE_BYTES} of one letter, made as they are read. */
export function letterConfig(text: string, { head = '', keys = '', plugins = '', setup = '' } = {}): string {
  return `
import { definePlugin } from 'pxe';
${head}
const board = globalThis.pxeTest;
const letterPlugin = definePlugin({
  name: 'letter',
  async setup(_, context) {
    board.notes.push('setup ${text}');
    context.onDispose(() => board.notes.push('dispose ${text}'));
    ${setup}
    let letter = '${text}';
    return {
      open({ name }) {
        if (name === 'who') return Buffer.from('${text}');
        if (name !== 'state') return;
        return { size: ${STATE_BYTES}, read: (offset, length) => Buffer.alloc(Math.min(length, ${STATE_BYTES} - offset), letter), close() {} };
      },
    };
  },
});
export default {
  rootDir: 'ROOT',
  tftp: { listen: [{ address: '127.0.0.1', port: 0 }] },
  stableMs: 0,
  limits: { setupMs: 300 },
  ${keys}
  plugins: [letterPlugin()${plugins}],
};
`;
}
