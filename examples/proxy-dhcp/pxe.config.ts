import { defineConfig } from 'pxe';
import { accessLog, generate, hosts, identify } from 'pxe/plugins';

export default defineConfig({
  rootDir: './tftpboot',
  // Beside the DHCP server of the network, which only assigns addresses: it says what machines boot.
  dhcp: {},
  plugins: [
    // A machine tells its MAC address and its firmware when it asks by DHCP.
    identify({ dhcp: true }),
    hosts({
      hosts: {
        '52:54:00:00:0a:01': { name: 'kiosk', boot: 'disk' },
        '52:54:00:00:0a:02': { name: 'build1', groups: ['iPXE'] },
        // Its firmware takes the file only from port 4011.
        '52:54:00:00:0a:03': { name: 'build2', groups: ['iPXE'], layout: 'binl' },
      },
      groups: {
        iPXE: {
          // First a loader that fits the firmware, and then, as soon as that is iPXE, its script.
          boot: { bios: 'undionly.kpxe', 'uefi-x64': 'snponly.efi', 'uefi-arm64': 'arm64/snponly.efi', ipxe: 'menu.ipxe' },
        },
      },
      // Other machines are not offered anything.
    }),
    generate({ 'menu.ipxe': { template: './templates/menu.ipxe' } }),
    accessLog(),
  ],
});
