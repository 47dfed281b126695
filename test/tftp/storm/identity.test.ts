/** Machines of a config as machines of a storm. */
import { expect, test } from 'vitest';
import { identitiesOf, identityOf, isPerMachine, nameFor } from '../../../src/tftp/storm/identity.ts';

test('what the config knows takes the place of what is made up', () => {
  const listed = [
    { name: 'web1', mac: '52:54:00:aa:00:01', address: '127.0.0.21', uuid: '00112233-4455-6677-8899-aabbccddeeff' },
    { name: 'pi', serial: 'd1f0c2aa', address: '10.0.0.9' },
    { name: 'six', address: 'fd00::1' },
  ];
  expect(identitiesOf(listed, (address) => address.startsWith('127.'))).toEqual([
    {
      ...identityOf(1),
      host: 'web1',
      mac: '52:54:00:aa:00:01',
      // As PXELINUX asks for it.
      uuid: '33221100-5544-7766-8899-aabbccddeeff',
      hexAddress: '7F000015',
      localAddress: '127.0.0.21',
    },
    { ...identityOf(2), host: 'pi', serial: 'd1f0c2aa', hexAddress: '0A000009' },
    { ...identityOf(3), host: 'six' },
  ]);
});

test('placeholders', () => {
  const [machine] = identitiesOf([{ name: 'web1', serial: '0000d1f0c2aa' }], () => false);
  expect(nameFor('{host}/{n}/{mac}/{serial}/{other}', machine!)).toBe('web1/1/52-54-00-00-00-01/0000d1f0c2aa/{other}');
  expect(['{n}', 'a{mac}', '{host}', '{serial}', '{other}', 'plain'].map(isPerMachine)).toEqual([
    true,
    true,
    true,
    true,
    false,
    false,
  ]);
});
