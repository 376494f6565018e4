/** Power and carbon of devices that serve. */
export { carbonGrams, deviceWatts } from './deployment/power.ts';
