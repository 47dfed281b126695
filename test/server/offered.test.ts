/** Two machines get different loaders, scripts and kernels by one `hosts`, and each is served what it is offered. */
import { hosts, identify } from 'pxe/plugins';
import { expect, test } from 'vitest';
import { folderOf } from '../config/support.ts';
import { resolveConfig } from '../kit/config.ts';
import { offeredFiles } from '../kit/offered.ts';

const [WEB, DB] = ['52:54:00:12:34:56', '52:54:00:12:34:57'];

test('what is offered is what is served, machine by machine and firmware by firmware', async () => {
  const dir = folderOf({
    'root/pxelinux.0': 'pxelinux',
    'root/ipxe.efi': 'ipxe',
    'root/web/boot.efi': 'web',
    'root/db/boot.efi': 'db',
    'root/web/menu.ipxe': '#!ipxe web',
    'root/db/menu.ipxe': '#!ipxe db',
    'root/menu.ipxe': '#!ipxe',
  });
  const plugins = [
    identify({ dhcp: true }),
    hosts({
      hosts: {
        [WEB]: { name: 'web', folder: 'web', boot: { 'uefi-x64': 'boot.efi' } },
        [DB]: { name: 'db', folder: 'db', boot: { 'uefi-x64': 'boot.efi', bios: 'gone.0' } },
        default: { boot: { bios: 'pxelinux.0', 'uefi-x64': 'ipxe.efi', ipxe: 'menu.ipxe' } },
      },
    }),
  ];
  const files = await offeredFiles(resolveConfig({ rootDir: './root', plugins }, { dir }));
  expect(files.map(({ machine, firmware, file }) => `${machine} ${firmware} ${file}`).sort()).toEqual([
    'db bios gone.0',
    'db ipxe menu.ipxe',
    'db uefi-x64 boot.efi',
    'not listed bios pxelinux.0',
    'not listed ipxe menu.ipxe',
    'not listed uefi-x64 ipxe.efi',
    'web bios pxelinux.0',
    'web ipxe menu.ipxe',
    'web uefi-x64 boot.efi',
  ]);
  for (const { told, got, gotByHttp, ...label } of files) {
    expect({ ...label, got }).toEqual({ ...label, got: told });
    expect({ ...label, gotByHttp }).toEqual({ ...label, gotByHttp: told === 'ERROR 1' ? 'status 404' : told });
  }
  const gotBy = (machine: string, file: string) => files.find((one) => one.machine === machine && one.file === file)?.got;
  expect(gotBy('web', 'boot.efi')).not.toBe(gotBy('db', 'boot.efi'));
  expect(new Set(['web', 'db', 'not listed'].map((machine) => gotBy(machine, 'menu.ipxe'))).size).toBe(3);
  expect(gotBy('db', 'gone.0')).toBe('ERROR 1');
});
