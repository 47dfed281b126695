import { testHalf } from './thousand.ts';

testHalf(0);
