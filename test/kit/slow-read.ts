import { type Address, get } from './tftp.ts';

/** Reads a file slowly; `step` lets the next window through. */
export function slowRead(address: Address, name: string) {
  let letThrough = () => {};
  let begun = () => {};
  const started = new Promise<void>((resolve) => {
    begun = resolve;
  });
  let open = false;
  const pace = async () => {
    begun();
    if (open) return;
    await new Promise<void>((resolve) => {
      letThrough = resolve;
    });
  };
  const got = get(address, name, { options: { blksize: 8192 }, pace, retryMs: 500 });
  // Nobody waits for it before the test gets there.
  got.catch(() => {});
  return {
    got,
    started,
    step: () => letThrough(),
    goOn() {
      open = true;
      letThrough();
      return got;
    },
  };
}
