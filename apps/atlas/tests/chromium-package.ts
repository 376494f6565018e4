/**
 * A Chromium for machines that have none: a headless shell for Linux on x64, which an npm package ships compressed together
 * with the libraries that a bare system lacks. The package's own code unpacks for AWS Lambda: into /tmp, and elsewhere
 * without those libraries. Here everything is unpacked once, into the user's cache, with fonts of another package: a bare
 * system has none, and text without a font has no width.
 */
import { createReadStream, createWriteStream, existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress } from 'node:zlib';
import { extract } from 'tar-fs';

/** The one system that the package has a program for. */
export const packagedSystem = 'linux-x64';

const settingsName = 'font-settings.conf';

/** A program and the environment variables that it needs. */
export interface ChromiumProgram {
  readonly path: string;
  readonly variables: Readonly<Record<string, string>>;
}

const require = createRequire(import.meta.url);
// The package exports its code alone, and its code is in a folder of the package.
const packageFolder = join(dirname(require.resolve('@sparticuz/chromium')), '..');
const fontFolder = join(dirname(require.resolve('dejavu-fonts-ttf/package.json')), 'ttf');

/** Where the package is unpacked; `unpackChromium` makes it. */
export function packagedChromium(environment: NodeJS.ProcessEnv): ChromiumProgram {
  const { XDG_CACHE_HOME: chosen = '', LD_LIBRARY_PATH: libraries = '' } = environment;
  const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as {
    readonly version: string;
  };
  const caches = isAbsolute(chosen) ? chosen : join(homedir(), '.cache');
  const folder = join(caches, 'plimsoll', `chromium-${version}`);
  return {
    path: join(folder, 'chromium'),
    variables: {
      LD_LIBRARY_PATH: [join(folder, 'lib'), ...(libraries === '' ? [] : [libraries])].join(':'),
      FONTCONFIG_FILE: join(folder, settingsName),
    },
  };
}

/** Unpacks the program unless an earlier run has. Two processes may do this at once: the folder appears whole. */
export async function unpackChromium({ path }: ChromiumProgram): Promise<void> {
  if (existsSync(path)) return;
  const folder = dirname(path);
  await mkdir(dirname(folder), { recursive: true });
  const partial = await mkdtemp(`${folder}-partial-`);
  try {
    await Promise.all([
      unpack('chromium.br', createWriteStream(join(partial, 'chromium'), { mode: 0o755 })),
      unpack('al2023.tar.br', extract(partial)), // libraries, in a folder `lib`
      unpack('swiftshader.tar.br', extract(partial)), // drawing without a GPU, where the program looks for it
      cp(fontFolder, join(partial, 'fonts', 'dejavu'), { recursive: true }),
      unpack('fonts.tar.br', extract(partial)), // Open Sans, and settings for another folder
      writeFile(join(partial, settingsName), fontSettings(folder)),
    ]);
    await rename(partial, folder);
  } catch (error) {
    await rm(partial, { recursive: true });
    if (!existsSync(path)) throw error;
  }
}

function unpack(archive: string, target: NodeJS.WritableStream): Promise<void> {
  return pipeline(createReadStream(join(packageFolder, 'bin', archive)), createBrotliDecompress(), target);
}

/**
 * These fonts alone, so that text is as wide on one machine as on another. Open Sans is about as wide as the sans-serif fonts
 * that readers have, and DejaVu Sans a tenth wider; DejaVu has the signs that Open Sans lacks.
 */
function fontSettings(folder: string): string {
  const families = [
    ['serif', 'DejaVu Serif'],
    ['sans-serif', 'Open Sans'],
    ['system-ui', 'Open Sans'],
    ['monospace', 'DejaVu Sans Mono'],
  ];
  const aliases = families.map(
    ([family, font]) =>
      `  <alias><family>${family}</family><prefer><family>${font}</family></prefer></alias>`,
  );
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${join(folder, 'fonts')}</dir>
  <cachedir>${join(folder, 'fonts-cache')}</cachedir>
${aliases.join('\n')}
</fontconfig>
`;
}
