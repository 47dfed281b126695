/**
 * What `npm start` serves: the example in `examples/per-machine`, on a port that needs no rights.
 * Save a change here, then ask again: curl tftp://127.0.0.1:6969/hello.txt
 */
import { defineConfig } from 'pxe';
import { accessLog, hosts, identify, rewrite } from 'pxe/plugins';

export default defineConfig({
  rootDir: './examples/per-machine/tftpboot',
  tftp: {
    listen: [
      { address: '0.0.0.0', port: 6969 },
      { address: '::', port: 6969 },
    ],
  },
  plugins: [
    // TFTP carries no MAC address: look it up, here, in the kernel, or in names such as pxelinux.cfg/01-52-54-00-12-34-56.
    identify({ table: { '127.0.0.2': '52:54:00:12:34:56' }, neighbours: true, filename: true }),
    rewrite([{ match: /^boot\//i, replace: '' }]),
    hosts({
      // curl --interface 127.0.0.2 tftp://127.0.0.1:6969/bootloader.efi is answered with uefi/snponly.txt
      '52:54:00:12:34:56': { name: 'web1', files: { 'bootloader.efi': 'uefi/snponly.txt' }, folder: 'hosts/web1' },
      '52:54:00:*': { folder: 'hosts/lab' },
    }),
    accessLog(),
  ],
});
