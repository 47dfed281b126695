import { defineConfig } from 'pxe';
import { accessLog } from 'pxe/plugins';

export default defineConfig({
  rootDir: './tftpboot',
  tftp: { listen: [{ address: '0.0.0.0', port: 6970 }] },
  plugins: [accessLog()],
});
