#!/usr/bin/env node
/**
 * Where `pxe` begins: plain JavaScript that imports nothing, so that a Node that is too old for the rest can still say so.
 */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

// As package.json's `engines`.
if (major >= 24 || (major === 22 && minor >= 22)) {
  import('../src/cli.ts');
} else {
  process.stderr.write(`pxe: needs Node 22.22, or 24 and later; this is ${process.version} (${process.execPath})
  in a clone, its own Node is missing:  npm ci --ignore-scripts=false
  elsewhere, install a newer one:       https://nodejs.org/en/download
`);
  process.exitCode = 1;
}
