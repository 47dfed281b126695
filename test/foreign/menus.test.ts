/** What `grubMenu` writes, read by GRUB's own parser: whatever stands in a title or an argument, it stays one. */
import { spawnSync } from 'node:child_process';
import { grubMenu } from 'pxe/plugins';
import { expect, test } from 'vitest';
import { describeWith, requireTools } from '../kit/tools.ts';

/** @returns what it complains of; empty if nothing */
function complaint(script: string): string {
  const { status, stderr } = spawnSync('grub-script-check', { input: script, encoding: 'utf8' });
  return status === 0 ? '' : stderr || `status ${status}`;
}

const values = [
  '$(reboot)',
  '$x',
  'a;b',
  'a}b',
  '`x`',
  "it's",
  "'",
  'a\\',
  '"',
  '#',
  '*',
  '[x]',
  '{',
  '||',
  '&',
  '<',
  '>',
  '!',
  '~',
  ' ',
];

describeWith('grub-script-check', requireTools('grub-script-check'), () => {
  test('the check finds what is wrong', () => {
    expect(complaint('menuentry x {\n')).not.toBe('');
  });

  test.each(values)('%s', (value) => {
    const entry = { label: 'a', title: value, kernel: '(http)/v', initrd: "i'x", append: [value, 'quiet'] };
    const script = grubMenu({
      title: value,
      default: 'b',
      timeoutSeconds: 5,
      entries: [entry, { label: 'b', chain: "c'x.efi" }, { label: 'c', localBoot: true }],
    });
    expect(complaint(script), script).toBe('');
  });
});
