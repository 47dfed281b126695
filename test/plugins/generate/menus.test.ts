/** Menus and config.txt as text: each whole, then what is refused in them. */
import { grubMenu, ipxeScript, type Menu, pxelinuxMenu, raspberryPiConfig } from 'pxe/plugins';
import { describe, expect, test } from 'vitest';

const menu: Menu = {
  title: 'Rack 7',
  default: 'debian',
  timeoutSeconds: 5,
  entries: [
    {
      label: 'debian',
      title: "Debian's installer",
      kernel: 'debian/linux',
      initrd: ['debian/initrd.gz', 'debian/fw.cpio'],
      append: 'console=ttyS0 note="two words"',
    },
    { label: 'grub', chain: 'grubx64.efi' },
    { label: 'disk', title: 'Local disk', localBoot: true },
  ],
};
const one: Menu = {
  entries: [
    { label: 'live', kernel: 'http://10.0.0.1/vmlinuz?x=1', initrd: 'http://10.0.0.1/live/initrd.img?x=1', append: ['a', 'b=c'] },
  ],
};

test('iPXE', () => {
  expect(ipxeScript(menu)).toBe(`#!ipxe
:menu
menu Rack 7
item debian Debian's installer
item grub grub
item disk Local disk
choose --default debian --timeout 5000 selected || exit
goto entry-\${selected}
:entry-debian
kernel debian/linux initrd=initrd.gz initrd=fw.cpio console=ttyS0 note="two words"
initrd debian/initrd.gz
initrd debian/fw.cpio
boot
goto menu
:entry-grub
chain grubx64.efi
goto menu
:entry-disk
exit
goto menu
`);
  expect(ipxeScript(one)).toBe(`#!ipxe
kernel http://10.0.0.1/vmlinuz?x=1 initrd=initrd.img a b=c
initrd http://10.0.0.1/live/initrd.img?x=1
boot
`);
});

test('PXELINUX', () => {
  expect(pxelinuxMenu(menu)).toBe(`UI menu.c32
DEFAULT debian
PROMPT 0
TIMEOUT 50
MENU TITLE Rack 7

LABEL debian
  MENU LABEL Debian's installer
  KERNEL debian/linux
  INITRD debian/initrd.gz,debian/fw.cpio
  APPEND console=ttyS0 note="two words"

LABEL grub
  COM32 pxechn.c32
  APPEND grubx64.efi

LABEL disk
  MENU LABEL Local disk
  LOCALBOOT 0
`);
  expect(pxelinuxMenu({ entries: [{ label: 'live', kernel: 'vmlinuz' }] })).toBe(
    'DEFAULT live\nPROMPT 0\n\nLABEL live\n  KERNEL vmlinuz\n',
  );
  expect(pxelinuxMenu({ ...menu, ui: false })).toMatch(/^DEFAULT debian\nPROMPT 1\n/);
});

const grub = `set default=debian
set timeout=5
# Rack 7
menuentry 'Debian'\\''s installer' --id debian {
  linux debian/linux console=ttyS0 'note=two words'
  initrd debian/initrd.gz debian/fw.cpio
}
menuentry grub --id grub {
  chainloader grubx64.efi
}
menuentry 'Local disk' --id disk {
  exit
}
`;

describe('GRUB', () => {
  test('a menu, and one entry', () => {
    expect(grubMenu(menu)).toBe(grub);
    expect(grubMenu({ entries: [{ label: 'live', kernel: '(http)/v' }] })).toBe(
      "set default=live\nset timeout=0\nmenuentry live --id live {\n  linux '(http)/v'\n}\n",
    );
  });

  test.each(['$(reboot)', '$x', 'a;b', 'a}b', '`x`', "it's", 'a\\b', '"', '#', '*', '[x]', '{'])('%s is one word', (value) => {
    const text = grubMenu({ entries: [{ label: 'a', title: value, kernel: 'k', append: [value] }] });
    const [, shown] = /^menuentry (.*) --id a \{$/m.exec(text) ?? [];
    // As a shell takes quotes away.
    expect(shown?.replace(/'\\''/g, '\u0000').replace(/^'|'$/g, '').replaceAll('\u0000', "'")).toBe(value);
    expect(text.split('\n')).toHaveLength(6);
  });
});

test('Raspberry Pi', () => {
  expect(
    raspberryPiConfig({
      arm_64bit: true,
      kernel: 'vmlinuz',
      initramfs: 'initrd.img followkernel',
      dtoverlay: ['vc4-kms-v3d', 'disable-bt'],
      pi4: { gpu_mem: 64, dtparam: ['a', 'b'] },
      'gpio4=1': { enable_uart: false },
    }),
  ).toBe(
    'arm_64bit=1\nkernel=vmlinuz\ninitramfs initrd.img followkernel\ndtoverlay=vc4-kms-v3d\ndtoverlay=disable-bt\n[pi4]\ngpu_mem=64\ndtparam=a\ndtparam=b\n[gpio4=1]\nenable_uart=0\n[all]\n',
  );
  expect(raspberryPiConfig({})).toBe('');
});

const writers = { ipxeScript, pxelinuxMenu, grubMenu };
const breaks = ['a\nb', 'a\rb', 'a\u2028b', 'a\u0085b', '\u001b[2J', 'a\u0000b'];

describe.each(Object.entries(writers))('%s refuses', (_, write) => {
  const with1 = (entry: object): Menu =>
    ({
      entries: [
        { label: 'a', kernel: 'k', ...entry },
        { label: 'b', localBoot: true },
      ],
    }) as Menu;

  test.each(breaks)('%o in any value', (text) => {
    for (const entry of [
      { title: text },
      { kernel: text },
      { initrd: text },
      { initrd: ['x', text] },
      { append: [text] },
      { kernel: undefined, chain: text },
    ]) {
      expect(() => write(with1(entry)), JSON.stringify(entry)).toThrow(/ of a contains a line break/);
    }
    expect(() => write(with1({ label: text }))).toThrow(/a label may contain only letters/);
    expect(() => write({ ...with1({}), title: text })).toThrow(/menu title contains a line break/);
    expect(() => write({ ...with1({}), default: text })).toThrow(/is not a label/);
  });

  test.each<[Menu, RegExp]>([
    [{ entries: [] }, /needs at least one entry/],
    [with1({ label: 'b' }), /label "b" appears twice/],
    [with1({ label: 'a b' }), /a label may contain only letters/],
    [with1({ label: '-x' }), /a label may contain only letters/],
    [with1({ kernel: 'k quiet' }), /kernel of a contains a space: "k quiet"/],
    [with1({ kernel: '' }), /kernel of a is empty/],
    [with1({ initrd: 'x y' }), /initrd of a contains a space/],
    [{ ...with1({}), default: 'c' }, /default "c" is not a label; labels are a, b/],
    [{ ...with1({}), timeoutSeconds: -1 }, /timeoutSeconds/],
    [{ ...with1({}), timeoutSeconds: Number.NaN }, /timeoutSeconds/],
  ])('%o', (wrong, message) => {
    expect(() => write(wrong)).toThrow(message);
  });
});

describe('iPXE, as its exec.c and script.c read a line', () => {
  const entry = { label: 'a', kernel: 'k' };
  const disk = { label: 'b', localBoot: true } as const;

  test.each(['&&', '||', ';', '#x', 'x\\'])('%s is no text', (word) => {
    for (const one of [
      { ...entry, append: ['x', word] },
      { ...entry, append: `x ${word}` },
      { ...entry, kernel: word },
      { ...entry, initrd: word },
    ]) {
      expect(() => ipxeScript({ entries: [one] })).toThrow(/which iPXE would not read as text/);
    }
    expect(() => ipxeScript({ entries: [{ ...entry, title: `x ${word} y` }, disk] })).toThrow(/title of a/);
    expect(() => ipxeScript({ title: word, entries: [entry, disk] })).toThrow(/menu title/);
  });

  test('what begins with - is an option, but for what follows an argument', () => {
    expect(() => ipxeScript({ title: '- a -', entries: [entry, disk] })).toThrow(/menu title begins with -/);
    expect(() => ipxeScript({ entries: [{ label: 'a', kernel: '--name' }] })).toThrow(/kernel of a begins with -/);
    expect(ipxeScript({ entries: [{ ...entry, append: '--- quiet' }] })).toMatch(/^kernel k --- quiet$/m);
    expect(ipxeScript({ entries: [{ ...entry, title: '- a -' }, disk] })).toMatch(/^item a - a -$/m);
  });
});

test('a timeout of 0 waits for nobody, though 0 is without end for two of the three', () => {
  const none: Menu = { ...menu, timeoutSeconds: 0 };
  expect(ipxeScript(none)).toContain(' --timeout 1 ');
  expect(pxelinuxMenu(none)).toMatch(/^TIMEOUT 1$/m);
  expect(grubMenu(none)).toMatch(/^set timeout=0$/m);
});

test('PXELINUX parts initrds at commas', () => {
  expect(() => pxelinuxMenu({ entries: [{ label: 'a', kernel: 'k', initrd: 'x,y' }] })).toThrow(/contains a comma/);
});

test.each<[Parameters<typeof raspberryPiConfig>[0], RegExp]>([
  [{ kernel: 'a\nb' }, /kernel contains a line break/],
  [{ 'a\nb': 1 }, /a key may contain only letters/],
  [{ 'a=b': 1 }, /a key may contain only letters/],
  [{ '[all]': {} }, /a section must be named after a filter/],
  [{ pi4: { kernel: 'a\rb' } }, /kernel contains a line break/],
  [{ cmdline: 'x'.repeat(91) }, /a line of 99 characters; the firmware reads only 98/],
])('config.txt: %o is refused', (config, message) => {
  expect(() => raspberryPiConfig(config)).toThrow(message);
});
