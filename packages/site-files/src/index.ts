export { filePolicy, pageDirectives, policyTag } from './page-policy.ts';
export { siteApp } from './site-app.ts';
export { readSiteFile } from './site-files.ts';
