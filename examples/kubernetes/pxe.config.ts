import { defineConfig } from 'pxe';
import { accessLog, hosts, httpOrigin, identify, rewrite } from 'pxe/plugins';

/** Set by the Deployment; the defaults are for a try on one machine. */
const { ORIGIN_URL = 'http://127.0.0.1:8075/', CACHE_DIR = './cache' } = process.env;

export default defineConfig({
  rootDir: './tftpboot',
  tftp: {
    // A Service forwards one port: answer from that.
    singlePort: true,
    listen: [{ address: '0.0.0.0', port: 6975 }],
  },
  plugins: [
    identify({ table: { '127.0.0.11': '52:54:00:00:00:11', '127.0.0.12': '52:54:00:00:00:12' }, filename: true }),
    hosts({
      '52:54:00:00:00:11': { name: 'alpha' },
      '52:54:00:00:00:12': { name: 'beta' },
    }),
    // Machines that are listed have a folder of their own at the origin.
    rewrite(({ name, client }) => (name === 'boot.ipxe' && client.host ? `nodes/${client.host.name}/boot.ipxe` : undefined)),
    httpOrigin({ url: ORIGIN_URL, cacheDir: CACHE_DIR, cacheBytes: 5 * 1024 ** 3, staleIfError: true, fallThrough: true }),
    accessLog(),
  ],
});
