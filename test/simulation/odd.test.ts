import { testHalf } from './thousand.ts';

testHalf(1);
