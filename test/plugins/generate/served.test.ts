/** Generated files through a server: sizes in the OACK, the probe of EDK2, a template that is saved. */
import { expect, test } from 'vitest';
import { type ReloadingLab, reloadingLab } from '../../kit/reloading.ts';
import { ack, error, get, Peer, rrq } from '../../kit/tftp.ts';

const config = (files: string) => `import { defineConfig } from 'pxe'; import { generate, hosts, identify } from 'pxe/plugins';
  let made = 0;
  export default defineConfig({ rootDir: './ROOT', tftp: { listen: [{ address: '127.0.0.1', port: 0 }] }, plugins: [
    identify({ table: { '127.0.0.1': '52:54:00:12:34:56' }, filename: true }),
    hosts({ hosts: { '52:54:00:12:34:56': { name: 'web1', variables: { role: 'wéb' } } }, file: './rack.csv' }),
    generate({ ${files} }) ] });`;

async function lab(files: string, template = '{{ host.name }} {{ role }}\n'): Promise<ReloadingLab> {
  const rack = 'address,name,role\n127.0.0.2,web2,db\n';
  return reloadingLab({
    config: config(files),
    files: { 'ROOT/pxelinux.cfg/01-52-54-00-12-34-56': 'of the root', 'rack.csv': rack, 't.liquid': template },
  });
}

test('each client gets its own, whose size is in the OACK', async () => {
  const at = await lab("'boot/*': { template: './t.liquid' }");
  const web1 = await get(at.address, 'boot/x', { options: { tsize: 0, blksize: 1468 } });
  expect(web1.bytes.toString()).toBe('web1 wéb\n');
  expect(web1.agreed).toEqual({ tsize: '10', blksize: '1468' });
  const web2 = await get(at.address, 'boot/x', { local: '127.0.0.2', options: { tsize: 0 } });
  expect([web2.bytes.toString(), web2.agreed]).toEqual(['web2 db\n', { tsize: '8' }]);
});

test('who only claims a MAC address gets the file under the root', async () => {
  const at = await lab("'pxelinux.cfg/*': { template: './t.liquid' }");
  const name = 'pxelinux.cfg/01-52-54-00-12-34-56';
  expect((await get(at.address, name)).bytes.toString()).toBe('web1 wéb\n');
  expect((await get(at.address, name, { local: '127.0.0.3' })).bytes.toString()).toBe('of the root');
});

test('firmware that asks for the size first gets a file of that size, though every one is another', async () => {
  const at = await lab('f: () => "x".repeat(++made * 10)');
  await using peer = await Peer.open();
  peer.send(at.address, rrq('f', 'octet', { tsize: 0, blksize: 1468 }));
  const offer = await peer.reply();
  expect(offer).toMatchObject({ kind: 'oack', options: { tsize: '10' } });
  peer.send(offer.from, error(8, 'User aborted the transfer'));
  await expect.poll(() => at.ended.map(({ outcome }) => outcome)).toEqual(['probed']);
  const second = await get(at.address, 'f', { options: { blksize: 1468 } });
  expect(second.bytes).toHaveLength(10);
  const third = await get(at.address, 'f');
  expect(third.bytes).toHaveLength(20);
});

test('a request that is repeated, as a ROM repeats it, is answered by the same', async () => {
  const at = await lab('f: () => "x".repeat(++made * 10)');
  await using peer = await Peer.open();
  const request = rrq('f', 'octet', { tsize: 0 });
  peer.send(at.address, request);
  const first = await peer.reply();
  peer.send(at.address, request);
  const again = await peer.reply();
  expect([first, again]).toMatchObject([
    { kind: 'oack', options: { tsize: '10' } },
    { kind: 'oack', options: { tsize: '10' } },
  ]);
  peer.send(first.from, ack(0));
  expect(await peer.find((reply) => reply.kind === 'data')).toMatchObject({ block: 1, payload: Buffer.from('x'.repeat(10)) });
});

test('a saved template takes effect; a mistake in it keeps the one in force', async () => {
  const at = await lab("f: { template: './t.liquid' }");
  expect(await at.text('f')).toBe('web1 wéb\n');
  const failed = at.nextFailure();
  at.put('t.liquid', 'one\n{{ host.name | upcse }}\n');
  expect((await failed).message).toMatch(/t\.liquid:2:1: undefined filter: upcse\n +did you mean "upcase"\?$/);
  expect(await at.text('f')).toBe('web1 wéb\n');
  const reloaded = at.nextReload();
  at.put('t.liquid', '{{ host.name | upcase }}\n');
  await reloaded;
  expect(await at.text('f')).toBe('WEB1\n');
});
