import { defineConfig } from 'pxe';
import { accessLog, generate, grubMenu, hosts, identify } from 'pxe/plugins';

export default defineConfig({
  rootDir: './tftpboot',
  tftp: { listen: [{ address: '0.0.0.0', port: 6974 }] },
  plugins: [
    // Addresses of the loopback interface, for a try; on a network `leases` and `neighbours` know better.
    identify({
      table: { '127.0.0.11': '52:54:00:00:02:01', '127.0.0.12': '52:54:00:00:02:02', '127.0.0.13': '52:54:00:00:02:03' },
      filename: true,
    }),
    hosts({ file: './machines.yaml' }),
    generate({
      'boot.ipxe': { template: './templates/boot.ipxe', variables: { release: 'stable', console: 'tty0' } },
      // The same for those that come by GRUB: in code, by a helper that knows what GRUB wants quoted.
      'grub/grub.cfg*': ({ host, variables }) => {
        if (host === undefined) return undefined;
        const kernel = { kernel: '/debian/linux', initrd: '/debian/initrd.gz', append: ['auto=true', `hostname=${host.name}`] };
        return grubMenu({
          timeoutSeconds: 5,
          default: variables.reinstall ? 'install' : 'disk',
          entries: [
            { label: 'disk', title: 'What is on the disk', localBoot: true },
            { label: 'install', title: `Install ${host.name}`, ...kernel },
          ],
        });
      },
    }),
    accessLog(),
  ],
});
