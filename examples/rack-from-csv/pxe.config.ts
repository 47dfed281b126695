import { defineConfig } from 'pxe';
import { accessLog, hosts, identify } from 'pxe/plugins';

export default defineConfig({
  rootDir: './tftpboot',
  tftp: { listen: [{ address: '0.0.0.0', port: 6972 }] },
  plugins: [
    // On a server that runs dnsmasq: /var/lib/misc/dnsmasq.leases. This one lists addresses of the loopback interface, for a try.
    identify({ leases: ['./dnsmasq.leases'], filename: true }),
    hosts({
      file: './rack.csv',
      groups: {
        web: { folder: 'roles/web' },
        db: { folder: 'roles/db' },
        spare: { folder: 'roles/spare' },
      },
      // Anybody can put a MAC address into a file name: only what DHCP has seen counts.
      trust: ['leases'],
      unknown: 'refuse',
    }),
    accessLog(),
  ],
});
