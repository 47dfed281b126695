import { defineConfig } from 'pxe';
import { accessLog, hosts, identify } from 'pxe/plugins';

export default defineConfig({
  rootDir: './tftpboot',
  dhcp: {},
  plugins: [
    identify({ dhcp: true }),
    hosts({
      // No request says whether Secure Boot is on. shim runs either way, so every x64 machine gets it.
      default: { boot: { 'uefi-x64': 'debian/shimx64.efi' } },
      '52:54:00:00:0c:01': { name: 'signed' },
    }),
    accessLog(),
  ],
});
