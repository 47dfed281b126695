import { defineConfig } from 'pxe';
import { accessLog, hosts, identify } from 'pxe/plugins';

export default defineConfig({
  rootDir: './tftpboot',
  tftp: { listen: [{ address: '0.0.0.0', port: 6971 }] },
  plugins: [
    identify({
      // To try it on one machine. On a network the next two lines do the work.
      table: { '127.0.0.11': '52:54:00:00:00:11', '127.0.0.12': '52:54:00:00:00:12', '127.0.0.13': '52:54:00:00:00:13' },
      neighbours: true,
      filename: true,
    }),
    hosts({
      groups: {
        bios: { files: { bootloader: 'bios/undionly.kpxe' } },
        uefi: { files: { bootloader: 'uefi/snponly.efi' } },
        arm64: { files: { bootloader: 'arm64/snponly.efi' } },
      },
      hosts: {
        '52:54:00:00:00:11': { name: 'desk', groups: ['bios'] },
        '52:54:00:00:00:12': { name: 'kiosk', groups: ['uefi'], folder: 'hosts/kiosk' },
        '52:54:00:00:00:13': { name: 'pi', groups: ['arm64'] },
        default: { groups: ['uefi'] },
      },
    }),
    accessLog(),
  ],
});
