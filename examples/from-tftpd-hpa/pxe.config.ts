import { defineConfig } from 'pxe';
import { accessLog, tftpdMap } from 'pxe/plugins';

export default defineConfig({
  rootDir: './tftpboot',
  tftp: { listen: [{ address: '0.0.0.0', port: 6973 }] },
  plugins: [tftpdMap('./tftpd.map'), accessLog()],
});
