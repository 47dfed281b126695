/**
 * What to do about each finding: a sentence, and the lines of the DHCP servers that people have. Pure.
 */
import type { Finding, FindingCode } from './findings.ts';

/** DHCP servers and routers, by the names that people know them by. */
export const brands = ['dnsmasq', 'ISC dhcpd', 'Kea', 'OPNsense, pfSense', 'MikroTik', 'Windows'] as const;

export type Brand = (typeof brands)[number];

/** `{server}` and `{file}` stand for the values of a finding. Lines of Kea are members of a subnet. */
export interface Change {
  readonly remove?: readonly string[];
  readonly add?: readonly string[];
}

export interface Remedy {
  readonly text: string;
  /** Absent where no setting of a DHCP server is to blame. */
  readonly changes?: Readonly<Record<Brand, Change>>;
}

/** The remedy of a finding, with its values in place. */
export function remedyOf({ code, values }: Finding): Remedy {
  const { server = 'ADDRESS-OF-THE-TFTP-SERVER', file = 'FILE' } = values;
  // A name that a server has sent is data: it must not end a line or a string of what is pasted into a config.
  const safe = (value: string) => value.replace(/[^\w./:=?&%+~@-]/g, '_');
  const filled = (line: string) => line.replaceAll('{server}', safe(server)).replaceAll('{file}', safe(file));
  const { text, changes } = REMEDIES[code];
  if (changes === undefined) return { text };
  const all = Object.entries(changes) as [Brand, Change][];
  const fill = ({ remove, add }: Change): Change => ({
    ...(remove && { remove: remove.map(filled) }),
    ...(add && { add: add.map(filled) }),
  });
  return { text, changes: Object.fromEntries(all.map(([brand, change]) => [brand, fill(change)])) as Record<Brand, Change> };
}

/** Removes the named options. */
const WITHOUT = (
  dnsmasq: string,
  isc: string,
  kea: string,
  options: readonly number[],
  more: readonly string[] = [],
): Record<Brand, Change> => ({
  dnsmasq: { remove: [dnsmasq] },
  'ISC dhcpd': { remove: [isc] },
  Kea: { remove: [kea] },
  'OPNsense, pfSense': { remove: [`Services > DHCPv4 > interface > Additional Options: number ${options.join(' and ')}`] },
  MikroTik: { remove: options.map((code) => `/ip dhcp-server option remove [find code=${code}]`) },
  Windows: {
    remove: options.map((code) => `Remove-DhcpServerv4OptionValue -ScopeId SCOPE -OptionId ${code}`).concat(more),
  },
});

const ONE_SOURCE: Record<Brand, Change> = {
  dnsmasq: { remove: ['dhcp-boot=OTHER-FILE,,OTHER-SERVER', 'pxe-service=x86PC,"OTHER",OTHER-FILE'] },
  'ISC dhcpd': { remove: ['next-server OTHER-SERVER;', 'filename "OTHER-FILE";'] },
  Kea: { remove: ['"next-server": "OTHER-SERVER"', '"boot-file-name": "OTHER-FILE"'] },
  'OPNsense, pfSense': { remove: ['Services > DHCPv4 > interface > Network Booting: enable'] },
  MikroTik: { remove: ['/ip dhcp-server network set [find] next-server=0.0.0.0 boot-file-name=""'] },
  Windows: {
    remove: [66, 67].map((code) => `Remove-DhcpServerv4OptionValue -ScopeId SCOPE -OptionId ${code}`),
    add: ['wdsutil /Set-Server /AnswerClients:None'],
  },
};

const NEXT_SERVER: Record<Brand, Change> = {
  dnsmasq: { add: ['dhcp-boot={file},,{server}'] },
  'ISC dhcpd': { add: ['next-server {server};', 'filename "{file}";'] },
  Kea: { add: ['"next-server": "{server}"', '"boot-file-name": "{file}"'] },
  'OPNsense, pfSense': { add: ['Services > DHCPv4 > interface > Network Booting: Next Server {server}, file name {file}'] },
  MikroTik: { add: ['/ip dhcp-server network set [find] next-server={server} boot-file-name={file}'] },
  Windows: {
    add: [
      'Set-DhcpServerv4OptionValue -ScopeId SCOPE -OptionId 66 -Value {server}',
      'Set-DhcpServerv4OptionValue -ScopeId SCOPE -OptionId 67 -Value {file}',
    ],
  },
};

const EXACT_CLASS: Record<Brand, Change> = {
  ...WITHOUT(
    'dhcp-option-force=60,PXEClient:OTHER',
    'option vendor-class-identifier "PXEClient:OTHER";',
    '"option-data": [ { "name": "vendor-class-identifier", "data": "PXEClient:OTHER", "always-send": true } ]',
    [60],
  ),
};

/** Addresses of a network that the user replaces. */
const POOL: Record<Brand, Change> = {
  dnsmasq: { add: ['dhcp-range=192.168.7.50,192.168.7.150'] },
  'ISC dhcpd': { add: ['range 192.168.7.50 192.168.7.150;'] },
  Kea: { add: ['"pools": [ { "pool": "192.168.7.50-192.168.7.150" } ]'] },
  'OPNsense, pfSense': { add: ['Services > DHCPv4 > interface: Enable, Range 192.168.7.50 to 192.168.7.150'] },
  MikroTik: {
    add: [
      '/ip pool add name=boot ranges=192.168.7.50-192.168.7.150',
      '/ip dhcp-server add name=boot interface=INTERFACE address-pool=boot disabled=no',
    ],
  },
  Windows: {
    add: ['Add-DhcpServerv4Scope -Name boot -StartRange 192.168.7.50 -EndRange 192.168.7.150 -SubnetMask 255.255.255.0'],
  },
};

export const REMEDIES: Readonly<Record<FindingCode, Remedy>> = {
  'no-address-server': {
    text: 'start a DHCP server on this network, or a relay to one; a proxy assigns no addresses, and firmware ignores it alone',
    changes: POOL,
  },
  'no-boot-offer': {
    text: 'run pxe with the section "dhcp" on this network and "boot" for the machine, or name the file in the DHCP server',
    changes: NEXT_SERVER,
  },
  'two-boot-offers': { text: 'let one server say what to boot, and remove it from the others', changes: ONE_SOURCE },
  'class-without-option-43': {
    text: 'remove option 60 from the DHCP server, unless a boot server runs on the same host: a proxy needs nothing of it',
    changes: WITHOUT(
      'dhcp-option-force=60,PXEClient',
      'option vendor-class-identifier "PXEClient";',
      '"option-data": [ { "name": "vendor-class-identifier", "data": "PXEClient", "always-send": true } ]',
      [60],
      ['Remove-DhcpServerv4OptionValue -OptionId 60', 'wdsutil /Set-Server /DhcpOption60:No'],
    ),
  },
  'router-file-diverts': {
    text: 'remove the file name and next-server from the DHCP server; or, for a signed GRUB, let its next-server be the address of the boot server',
    changes: ONE_SOURCE,
  },
  'router-next-server': {
    text: 'nothing to do for iPXE and PXELINUX; for a signed GRUB behind a proxy, set next-server of the DHCP server to the boot server and leave the file name empty',
    changes: {
      ...NEXT_SERVER,
      dnsmasq: { add: ['dhcp-boot=,,{server}'] },
      'ISC dhcpd': { add: ['next-server {server};'] },
      Kea: { add: ['"next-server": "{server}"'] },
      'OPNsense, pfSense': { add: ['Services > DHCPv4 > interface > Network Booting: Next Server {server}'] },
      MikroTik: { add: ['/ip dhcp-server network set [find] next-server={server}'] },
      Windows: { add: ['Set-DhcpServerv4OptionValue -ScopeId SCOPE -OptionId 66 -Value {server}'] },
    },
  },
  'option-66-only': {
    text: 'set next-server (the header field siaddr) to the address of the TFTP server: option 66 alone is not read',
    changes: NEXT_SERVER,
  },
  'boot-server-silent': {
    text: 'start the boot server, and open UDP port 4011 to it in each firewall and container; or let it name the file in its first answer (option 43 = 06 01 08)',
  },
  'loader-not-served': {
    text: 'put the file where the server looks for it, or change the name: "pxe explain NAME" says what pxe would serve',
  },
  'loader-empty': { text: 'replace the empty file: a download or a build has failed' },
  'transfer-port-closed': { text: 'start the TFTP or HTTP server on that host, or change the address that is offered' },
  'transfer-silent': {
    text: 'open UDP port 69 to the server, and the ports that its answers come from (all above 1023, or port 69 alone with "singlePort" of pxe); for HTTP, the port of the URL',
  },
  'transfer-broken': { text: 'look at the server: its log says why it stopped' },
  'large-blocks-lost': {
    text: 'give every link on the way an MTU of 1500, or limit the block size of the server (tftp.limits.maxBlockSize of pxe)',
  },
  'snooping-suspected': {
    text: 'declare the port of the boot server trusted in the switch ("ip dhcp snooping trust"), and check that the server listens on this network',
  },
  'ipxe-skips-proxy': {
    text: 'remove 176 (no-pxedhcp) from option 175 of the DHCP server',
    changes: WITHOUT(
      'dhcp-option-force=encap:175,176,1b',
      'option ipxe-encapsulated b0:01:01;',
      '"option-data": [ { "code": 175, "csv-format": false, "data": "b00101", "always-send": true } ]',
      [175],
    ),
  },
  'ipxe-loads-itself': {
    text: 'give iPXE a script instead of itself: it sends option 175 and the user class "iPXE"',
    changes: {
      dnsmasq: {
        add: ['dhcp-match=set:ipxe,175', 'dhcp-boot=tag:ipxe,boot.ipxe,,{server}', 'dhcp-boot=tag:!ipxe,{file},,{server}'],
      },
      'ISC dhcpd': { add: ['if exists ipxe { filename "boot.ipxe"; } else { filename "{file}"; }'] },
      Kea: { add: ['"client-classes": [ { "name": "ipxe", "test": "option[175].exists", "boot-file-name": "boot.ipxe" } ]'] },
      'OPNsense, pfSense': { add: ['Services > DHCPv4 > interface > Network Booting: iPXE boot filename boot.ipxe'] },
      MikroTik: {
        add: [
          '/ip dhcp-server option add code=67 name=ipxe value="s\'boot.ipxe\'"',
          '/ip dhcp-server matcher add code=77 value=iPXE name=ipxe option-set=ipxe',
        ],
      },
      Windows: {
        add: [
          'Add-DhcpServerv4Class -Name iPXE -Type User -Data iPXE',
          'Add-DhcpServerv4Policy -Name iPXE -Condition OR -UserClass EQ,iPXE -ScopeId SCOPE',
          'Set-DhcpServerv4OptionValue -ScopeId SCOPE -PolicyName iPXE -OptionId 67 -Value boot.ipxe',
        ],
      },
    },
  },
  'class-with-tail': {
    text: 'send option 60 exactly as "PXEClient" (9 bytes) or "HTTPClient" (10 bytes), or not at all',
    changes: EXACT_CLASS,
  },
  'proxy-without-class': { text: 'let the proxy repeat the class of the machine in option 60, or stop it' },
  'no-server-id': { text: 'let the server send its own address in option 54' },
  'no-message-type': { text: 'let the server answer by DHCP (option 53), not by BOOTP' },
  'names-differ': {
    text: 'send the same name in the header field "file" and in option 67, or only the first',
    changes: WITHOUT(
      'dhcp-option-force=67,OTHER-FILE',
      'option bootfile-name "OTHER-FILE";',
      '"option-data": [ { "name": "boot-file-name", "data": "OTHER-FILE", "always-send": true } ]',
      [67],
    ),
  },
  'answer-too-long': { text: 'remove options from the answer to boot firmware' },
  'too-many-offers': { text: 'remove DHCP servers and relays that answer for this network twice' },
};
