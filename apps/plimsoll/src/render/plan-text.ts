/** Renders a plan as text: the verdict, the bar, the numbers, and the advice. */
import { formatBytes, formatCount, formatTokens } from '@plimsoll/foundation';
import { aboutCount, aboutSeconds } from '@plimsoll/foundation/estimates';
import type { Plan, Price } from '@plimsoll/planner';
import { type EngineName, engineFace, memoryShort } from '@plimsoll/planner/engines';
import { type LedgerCategory, type LedgerEntry, ledgerBytes } from '@plimsoll/planner/ledger';
import { type BarPart, renderBar } from './bar.ts';
import { barLooks, barOrder, ledgerParts } from './ledger-bar.ts';
import { paint } from './styled-text.ts';
import { renderTable } from './table.ts';
import { fitLines, shorten } from './terminal.ts';

/** Labels for categories whose names say too little in a table. */
const labels: Readonly<Partial<Record<LedgerCategory, string>>> = {
  'kv-cache': 'cache of these users',
  headroom: 'left free on purpose',
  runtime: 'libraries and graphs',
};

export function renderPlan(plan: Plan, options: { readonly explain: boolean }): string {
  const sections = [
    heading(plan),
    verdict(plan),
    ledgerTable(plan),
    deviceTable(plan),
    numbers(plan),
    advice(plan),
    command(plan),
    notes(plan),
  ];
  if (options.explain) sections.push(derivations(plan));
  return sections.filter((section) => section !== '').join('\n\n');
}

function heading(plan: Plan): string {
  const { model, hardware, engine, workload } = plan;
  const version = engine.version === null ? '' : ` ${engine.version}`;
  const active =
    model.activeParameters < model.parameters * 0.95
      ? `, ${billions(model.activeParameters)} active per token`
      : '';
  const users = workload.users === 1 ? '1 user' : `${formatCount(workload.users)} users`;
  return [
    `${paint('bold', shorten(model.id, 60))} on ${hardware.devices} x ${paint('bold', hardware.name)}${engineFace(engine.name).title === null ? '' : `, ${engine.name}${version}`}`,
    `${billions(model.parameters)} parameters${active}, weights ${model.weights}, KV cache ${model.kvCache}; ${users} x ${formatTokens(workload.contextTokens)} tokens`,
  ].join('\n');
}

function billions(count: number): string {
  if (count >= 1e12) return `${(count / 1e12).toFixed(2)} T`;
  if (count >= 1e9) return `${(count / 1e9).toFixed(2)} B`;
  return count >= 1e6 ? `${(count / 1e6).toFixed(0)} M` : formatCount(count);
}

function verdict(plan: Plan): string {
  const each = plan.hardware.devices > 1 ? ' on each device' : '';
  const headline = plan.fits
    ? `${paint(['bold', 'green'], 'FITS')}, ${formatBytes(plan.spareBytes)} to spare${each}`
    : `${paint(['bold', 'red'], 'DOES NOT FIT')}${shortfall(plan, each)}`;
  const parts = ledgerParts((category) => ledgerBytes(plan.ledger, { category }));
  const withFree = insertFree(parts, plan);
  return `${headline}${startLine(plan)}\n\n${renderBar(withFree, plan.hardware.usableBytes)}`;
}

/** The reason why the engine does not start, unless the headline states it, and the flags with which it starts. */
function startLine({ start: { reason, fix }, engine, fits }: Plan): string {
  const { title } = engineFace(engine.name);
  if (reason === null || title === null || (!fits && reason.code === memoryShort)) return '';
  const way = fix === null ? '' : `\n  it starts with ${paint('cyan', fix.flags)}`;
  return `\n${paint(['bold', 'red'], 'DOES NOT START')}: ${reason.message}${way}`;
}

/** Returns the missing bytes and, if the engine starts and lets users wait, how many users run at once. */
function shortfall(plan: Plan, each: string): string {
  const { usersMax } = plan.capacity;
  const missing = plan.spareBytes < 0 ? `, ${formatBytes(-plan.spareBytes)} short${each}` : '';
  if (usersMax === 0 || !plan.start.starts || !engineFace(plan.engine.name).usersWait) return missing;
  return `${missing}: it starts, but ${formatCount(usersMax)} of ${formatCount(plan.workload.users)} users run at once`;
}

/** Inserts the free rest of the pool between the cache and the headroom. */
function insertFree(parts: readonly BarPart[], plan: Plan): readonly BarPart[] {
  if (plan.spareBytes <= 0) return parts;
  const headroom = parts.filter((part) => part.label === 'headroom');
  const free: BarPart = { label: 'free', bytes: plan.spareBytes, glyph: '·', style: 'dim' };
  return [...parts.filter((part) => part.label !== 'headroom'), free, ...headroom];
}

function ledgerTable(plan: Plan): string {
  const rows: string[][] = [];
  for (const category of barOrder) {
    const entries = plan.ledger.entries.filter(
      (entry) => entry.category === category && entry.tier === 'device',
    );
    if (entries.length === 0) continue;
    const sum = entries.reduce((total, entry) => total + entry.bytes, 0);
    const look = barLooks[category];
    const share = `${((sum / plan.hardware.usableBytes) * 100).toFixed(1)} %`;
    rows.push([`${look.glyph} ${labels[category] ?? category}`, formatBytes(sum), share, details(entries)]);
  }
  const spare = Math.max(0, plan.spareBytes);
  rows.push([
    '· free for more',
    formatBytes(spare),
    `${((spare / plan.hardware.usableBytes) * 100).toFixed(1)} %`,
    '',
  ]);
  rows.push(['  capacity', formatBytes(plan.hardware.usableBytes), '', capacityNote(plan)]);
  const host = plan.ledger.entries.filter((entry) => entry.tier === 'host');
  if (host.length > 0) {
    const sum = host.reduce((total, entry) => total + entry.bytes, 0);
    rows.push(['  host memory', formatBytes(sum), '', details(host)]);
  }
  return colourGlyphs(fitLines(renderTable(rows, ['left', 'right', 'right', 'left'])));
}

/** One row per device where they hold different parts. */
function deviceTable({ perDevice }: Plan): string {
  if (perDevice === null) return '';
  const rows = perDevice.map((device) => [
    `  ${device.name}`,
    device.hardware,
    `weights ${formatBytes(device.weightBytes)}`,
    `cache ${formatBytes(device.cacheBytes)}`,
    `buffers ${formatBytes(device.workBytes)}`,
    device.spareBytes < 0
      ? `${formatBytes(-device.spareBytes)} short`
      : `${formatBytes(device.spareBytes)} free`,
  ]);
  return fitLines(renderTable(rows, ['left', 'left', 'right', 'right', 'right', 'right']));
}

/** Colours the first character of each row like its part of the bar. Colours come last, so that columns line up. */
function colourGlyphs(table: string): string {
  const styles = new Map(Object.values(barLooks).map((look) => [look.glyph, look.style]));
  const lines = table.split('\n').map((line) => {
    const category = barOrder.find((name) =>
      line.startsWith(`${barLooks[name].glyph} ${labels[name] ?? name} `),
    );
    const style = category === undefined ? styles.get(line[0] ?? '') : barLooks[category].style;
    return style === undefined ? line : paint(style, line[0] ?? '') + line.slice(1);
  });
  return lines.join('\n');
}

/** The four largest parts of a category. */
function details(entries: readonly LedgerEntry[]): string {
  const largest = [...entries].sort((a, b) => b.bytes - a.bytes).filter((entry) => entry.bytes > 0);
  const shown = largest.slice(0, 4).map((entry) => `${entry.tag} ${formatBytes(entry.bytes)}`);
  return shown.join(', ') + (largest.length > 4 ? ', ...' : '');
}

function capacityNote(plan: Plan): string {
  const nominal = formatBytes(plan.hardware.nominalBytes, 0);
  return plan.hardware.nominalBytes === plan.hardware.usableBytes ? '' : `usable of ${nominal} nominal`;
}

function numbers(plan: Plan): string {
  const { capacity, speed, workload, hardware } = plan;
  const context = formatTokens(workload.contextTokens);
  const condition = plan.fits ? '' : ', if it fitted';
  const rows = [
    ['most users at this context', `${formatCount(capacity.usersMax)} x ${context}`],
    [
      `longest context for ${formatCount(workload.users)} ${workload.users === 1 ? 'user' : 'users'}`,
      `${formatTokens(capacity.contextMax)} tokens`,
    ],
    [
      'cache of one user',
      `${formatBytes(capacity.bytesPerUser)}${hardware.devices > 1 ? ' per device' : ''}`,
    ],
    ['cache growth per token', formatBytes(capacity.bytesPerToken)],
    ['tokens the pool holds', formatCount(capacity.poolTokens)],
    [
      `first token, idle, prompt of ${formatTokens(speed.promptTokens)}${condition}`,
      `about ${aboutSeconds(speed.ttftSeconds)}`,
    ],
    [
      `time per output token${condition}`,
      `about ${aboutSeconds(speed.tpotSeconds)} (${aboutCount(1 / speed.tpotSeconds)} tokens/s each, ${speed.bound} bound)`,
    ],
    [`tokens per second, all users${condition}`, `about ${aboutCount(speed.tokensPerSecond)}`],
  ];
  if (capacity.utilizationNeeded !== null && takesShare(plan.engine.name)) {
    rows.push(['utilisation this needs', capacity.utilizationNeeded.toFixed(2)]);
  }
  if (plan.price !== null) rows.push(['price', priceLine(plan.price, speed.promptTokens)]);
  return renderTable(rows, ['left', 'left']);
}

/** True if the engine has an option for the share of the memory that it may use. */
function takesShare(name: EngineName): boolean {
  return engineFace(name).options.some((option) => option.name === 'utilization');
}

function priceLine({ perHourUsd, perMillionOutputUsd, countsPrompts }: Price, promptTokens: number): string {
  const prompts = countsPrompts ? `prompts of ${formatTokens(promptTokens)} counted` : 'prompts not counted';
  return `$${perHourUsd.toFixed(2)} per hour, $${perMillionOutputUsd.toFixed(2)} per million output tokens at this load (${prompts})`;
}

function advice(plan: Plan): string {
  if (plan.advice.length === 0) {
    return plan.fits ? '' : 'No single change or pair of changes this planner knows makes it fit.';
  }
  const title = plan.fits ? 'To serve more users:' : 'To make it fit:';
  const lines = plan.advice.map((item, index) => {
    const users = item.usersMax === 1 ? '1 user' : `${formatCount(item.usersMax)} users`;
    const result = `${users} at most, longest context ${formatTokens(item.contextMax)}, about ${aboutSeconds(item.tpotSeconds)} per token`;
    return `  ${index + 1}. ${item.change} (${item.cost})\n     ${paint('cyan', item.flags)}\n     ${result}`;
  });
  return [paint('bold', title), ...lines].join('\n');
}

function command(plan: Plan): string {
  if (plan.engine.command === null || !plan.fits || !(plan.start.starts || plan.start.fix !== null))
    return '';
  return `${paint('bold', 'Run it:')}\n  ${plan.engine.command}`;
}

function notes(plan: Plan): string {
  return plan.notes.map((note) => `note: ${note}`).join('\n');
}

function derivations(plan: Plan): string {
  const lines = plan.ledger.entries.map((entry) => {
    const { formula, substituted, source, fitted } = entry.derivation;
    const where = entry.tier === 'host' ? ' (host)' : '';
    return [
      `${paint('bold', `${entry.category} / ${entry.tag}${where}`)}  ${formatBytes(entry.bytes)} = ${formatCount(entry.bytes)} B`,
      `  ${formula}`,
      `  = ${substituted}`,
      `  source: ${source}${fitted === undefined ? '' : `; fitted to ${fitted}`}`,
    ].join('\n');
  });
  return [paint('bold', 'How every number came about'), ...lines].join('\n');
}
