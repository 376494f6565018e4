/** Keeps zod from compiling its checks, which the page's policy forbids; import this file before any schema. */
import { config } from 'zod';

config({ jitless: true });
