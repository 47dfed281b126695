/** Offsets, sizes and numbers are those of the system's own headers: a C program is compiled and asked. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as layout from '../../../src/net/native/layout.ts';
import { C, nativeUnavailableReason } from '../../../src/net/native/libc.ts';
import { folder } from '../../kit/lab.ts';
import { describeWith, requireTools } from '../../kit/tools.ts';

/** C expressions for what `layout.ts` says. */
const expressions = {
  MSGHDR: {
    name: 'offsetof(struct msghdr, msg_name)',
    nameLength: 'offsetof(struct msghdr, msg_namelen)',
    vectors: 'offsetof(struct msghdr, msg_iov)',
    vectorCount: 'offsetof(struct msghdr, msg_iovlen)',
    control: 'offsetof(struct msghdr, msg_control)',
    controlLength: 'offsetof(struct msghdr, msg_controllen)',
    flags: 'offsetof(struct msghdr, msg_flags)',
  },
  MMSGHDR: { length: 'offsetof(struct mmsghdr, msg_len)', bytes: 'sizeof(struct mmsghdr)' },
  IOVEC: {
    address: 'offsetof(struct iovec, iov_base)',
    length: 'offsetof(struct iovec, iov_len)',
    bytes: 'sizeof(struct iovec)',
  },
  CMSG16: {
    length: 'offsetof(struct cmsghdr, cmsg_len)',
    level: 'offsetof(struct cmsghdr, cmsg_level)',
    type: 'offsetof(struct cmsghdr, cmsg_type)',
    value: '(size_t)CMSG_LEN(0)',
    used: '(size_t)CMSG_LEN(sizeof(uint16_t))',
    bytes: '(size_t)CMSG_SPACE(sizeof(uint16_t))',
  },
  EPOLL_EVENT: {
    events: 'offsetof(struct epoll_event, events)',
    data: 'offsetof(struct epoll_event, data)',
    bytes: 'sizeof(struct epoll_event)',
  },
} as const;

/** Constants that have another name there. */
const otherNames: Partial<Record<keyof typeof C, string>> = {
  SOCK_DGRAM_CLOEXEC: 'SOCK_DGRAM | SOCK_CLOEXEC',
  EFD_NONBLOCK_CLOEXEC: 'EFD_NONBLOCK | EFD_CLOEXEC',
};

const needs = [{ what: 'the native transport', met: nativeUnavailableReason() === undefined }, ...requireTools('cc')];

describeWith('layout', needs, () => {
  test('is what the C compiler says', () => {
    const fields = Object.entries(expressions).flatMap(([struct, members]) =>
      Object.entries(members).map(([member, expression]) => [`${struct}.${member}`, expression] as const),
    );
    const constants = (Object.keys(C) as (keyof typeof C)[]).map((name) => [`C.${name}`, otherNames[name] ?? name] as const);
    const found = asked([...fields, ...constants, ['sizeof pointer', 'sizeof(void *)']]);
    const ours = Object.entries({ ...layout, C }).flatMap(([name, members]) =>
      Object.entries(members).map(([member, value]) => [`${name}.${member}`, value] as const),
    );
    expect(Object.fromEntries([...ours, ['sizeof pointer', 8]])).toEqual(found);
  });
});

function asked(expressions: readonly (readonly [name: string, expression: string])[]): Record<string, number> {
  const { path, put } = folder();
  const headers = [
    'stddef.h',
    'stdio.h',
    'stdint.h',
    'sys/socket.h',
    'netinet/in.h',
    'netinet/udp.h',
    'sys/epoll.h',
    'sys/eventfd.h',
    'sys/uio.h',
    'malloc.h',
    'sys/mman.h',
  ];
  const source = put(
    'ask.c',
    `#define _GNU_SOURCE
${headers.map((header) => `#include <${header}>`).join('\n')}
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
int main(void) {
${expressions.map(([name, expression]) => `  printf("${name}=%lld\\n", (long long)(${expression}));`).join('\n')}
}
`,
  );
  execFileSync('cc', ['-o', join(path, 'ask'), source]);
  const lines = execFileSync(join(path, 'ask'), { encoding: 'utf8' }).trim().split('\n');
  return Object.fromEntries(lines.map((line) => line.split('=')).map(([name, value]) => [name, Number(value)]));
}
