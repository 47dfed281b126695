import { defineConfig } from 'pxe';
import { accessLog, hosts, identify, rewrite } from 'pxe/plugins';

export default defineConfig({
  rootDir: './tftpboot',
  // A Raspberry Pi boots only if a DHCP server sends option 43 as it expects it: `pxe` does.
  dhcp: {},
  plugins: [
    // Its serial number stands before each name that it asks for, and in its DHCP request.
    identify({ dhcp: true, filename: true }),
    // d1f0c2aa/config.txt becomes config.txt: in the folder of the host, or else in the root.
    rewrite([{ match: /^[0-9a-f]{8}\//, replace: '' }]),
    hosts({
      groups: { pis: { boot: { 'raspberry-pi': 'start4.elf' } } },
      hosts: {
        'serial:d1f0c2aa': { name: 'camera', groups: ['pis'], folder: 'pis/camera' },
        'serial:10000000e5b3f744': { name: 'door', groups: ['pis'] },
      },
    }),
    accessLog(),
  ],
});
