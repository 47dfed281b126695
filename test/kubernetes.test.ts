/** The manifests of `examples/kubernetes` fit each other, the program's flags and the config. No cluster is needed for that. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { serveCommand } from '../src/cli/serve.ts';
import { repository } from './kit/examples.ts';

const folder = join(repository, 'examples/kubernetes');
const read = (name: string) => parse(readFileSync(join(folder, name), 'utf8'));
const deployment = read('deployment.yaml');
const service = read('service.yaml');
const kustomization = read('kustomization.yaml');
const pod = deployment.spec.template;
const [container] = pod.spec.containers;
const args: readonly string[] = container.args;
const argumentOf = (flag: string) => args[args.indexOf(flag) + 1];

test('kustomize lists what is there', () => {
  const files = [
    ...kustomization.resources,
    ...kustomization.configMapGenerator.flatMap(({ files }: { files: string[] }) => files),
  ];
  expect(files).toEqual(['deployment.yaml', 'service.yaml', 'pxe.config.ts', 'tftpboot/boot.ipxe']);
  for (const file of files) expect(existsSync(join(folder, file)), file).toBe(true);
});

test('the Service forwards port 69 to the one port that the server listens on, by UDP', () => {
  const [port] = service.spec.ports;
  const [exposed] = container.ports;
  expect(service.spec.ports).toEqual([{ port: 69, targetPort: exposed.containerPort, protocol: 'UDP' }]);
  expect(exposed.protocol).toBe('UDP');
  expect(argumentOf('--port')).toBe(String(port.targetPort));
  expect(pod.metadata.labels).toEqual(service.spec.selector);
  expect(deployment.spec.selector.matchLabels).toEqual(service.spec.selector);
  expect(container.readinessProbe.exec.command.join(' ')).toContain(`:${port.targetPort}/boot.ipxe`);
});

test('flags are those of `pxe serve`; files are where the volumes put them', () => {
  const known = serveCommand().options.map(({ long }) => long);
  expect(args[0]).toBe('serve');
  for (const flag of args.filter((arg) => arg.startsWith('-'))) expect(known).toContain(flag);
  const mounts: readonly { name: string; mountPath: string }[] = container.volumeMounts;
  const pathOf = (volume: string) => mounts.find(({ name }) => name === volume)?.mountPath;
  expect(argumentOf('--config')).toBe(`${pathOf('config')}/pxe.config.ts`);
  expect(argumentOf('--root-dir')).toBe(pathOf('files'));
  expect(container.env.find(({ name }: { name: string }) => name === 'CACHE_DIR').value).toBe(pathOf('cache'));
  const generated = kustomization.configMapGenerator.map(({ name }: { name: string }) => name);
  const used = pod.spec.volumes.flatMap(({ configMap }: { configMap?: { name: string } }) => configMap?.name ?? []);
  expect(used).toEqual(generated);
  expect(pod.spec.volumes.map(({ name }: { name: string }) => name)).toEqual(mounts.map(({ name }) => name));
});
