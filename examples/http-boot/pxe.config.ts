import { defineConfig } from 'pxe';
import { accessLog, generate, hosts, identify } from 'pxe/plugins';

export default defineConfig({
  rootDir: './tftpboot',
  dhcp: {},
  // Port 80 of all addresses. The same names as by TFTP, through the same plugins.
  http: {},
  plugins: [
    identify({ dhcp: true }),
    hosts({
      hosts: {
        // Its firmware boots by PXE: the loader comes by TFTP. The iPXE that it loads takes a URL.
        '52:54:00:00:0b:01': { name: 'web1', boot: { 'uefi-x64': 'snponly.efi', ipxe: 'boot.ipxe' } },
        // Whatever its firmware is set to: by UEFI HTTP Boot it is offered a URL, by PXE a name.
        '52:54:00:00:0b:02': { name: 'bench', boot: { 'uefi-x64': 'tools.efi' } },
      },
    }),
    generate({ 'boot.ipxe': { template: './templates/boot.ipxe' } }),
    accessLog(),
  ],
});
