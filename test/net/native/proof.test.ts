/** The trial of the native transport at the start; `test/foreign/seccomp.test.ts` has it fail. */
import { expect, test } from 'vitest';
import { nativeUnavailableReason } from '../../../src/net/native/libc.ts';
import { proofFailure } from '../../../src/net/native/proof.ts';
import { descriptors } from '../../kit/descriptors.ts';
import { describeWith } from '../../kit/tools.ts';

describeWith(
  'the trial of the native transport',
  [{ what: 'the native transport', met: nativeUnavailableReason() === undefined }],
  () => {
    test('finds nothing here, and leaves nothing open', () => {
      const before = descriptors();
      expect(proofFailure()).toBeUndefined();
      expect(proofFailure(['sendto', 'recvmmsg'])).toBeUndefined();
      expect(descriptors()).toEqual(before);
    });
  },
);
