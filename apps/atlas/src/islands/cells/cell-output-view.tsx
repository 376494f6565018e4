/** The output of a cell: always a table, and a chart if the cell has one. */
import type { ReactNode } from 'react';
import type { CellEntry, CellOutput } from '../../cells/cell.ts';
import { formatQuantity, type Unit } from '../../cells/quantity.ts';
import { LineChart } from '../charts/line-chart.tsx';
import type { CellWords } from '../words.ts';

export interface CellTexts {
  readonly title: string;
  /** Labels by the name of a column or of a text in a row; `y` is the axis of several series, `mark` the limit. */
  readonly labels: Readonly<Record<string, string>>;
}

export interface CellOutputProps {
  readonly output: CellOutput;
  readonly texts: CellTexts;
  readonly words: CellWords;
}

export function CellOutputView({ output, texts, words }: CellOutputProps): ReactNode {
  const entry = (value: CellEntry, unit: Unit): string => {
    if (typeof value === 'boolean') return value ? words.yes : words.no;
    if (typeof value === 'string') return texts.labels[value] ?? value;
    return formatQuantity(value, unit);
  };
  return (
    <div className="cell-output">
      {output.chart !== undefined && <CellChart output={output} texts={texts} />}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must take the focus */}
      <section className="table-scroll" aria-label={texts.title} tabIndex={0}>
        <table>
          <thead>
            <tr>
              {output.columns.map(({ name }) => (
                <th key={name} scope="col">
                  {texts.labels[name] ?? name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {output.rows.map((row) => (
              <tr key={String(row[0])}>
                {row.map((value, index) => {
                  const column = output.columns[index];
                  const text = entry(value, column?.unit ?? 'text');
                  return index === 0 ? (
                    <th key={column?.name} scope="row">
                      {text}
                    </th>
                  ) : (
                    <td key={column?.name}>{text}</td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </div>
  );
}

function CellChart({ output, texts }: Pick<CellOutputProps, 'output' | 'texts'>): ReactNode {
  const { chart, columns } = output;
  if (chart === undefined) return null;
  const label = (name: string): string => texts.labels[name] ?? name;
  const unit = (name: string): Unit => columns.find((column) => column.name === name)?.unit ?? 'count';
  const [first = ''] = chart.y;
  const numbers = (name: string): readonly (number | null)[] => {
    const index = columns.findIndex((column) => column.name === name);
    return output.rows.map((row) => {
      const value = row[index];
      return typeof value === 'number' ? value : null;
    });
  };
  return (
    <LineChart
      alt={texts.title}
      xs={numbers(chart.x).map((value) => value ?? 0)}
      x={{ label: label(chart.x), unit: unit(chart.x), scale: chart.xScale }}
      y={{ label: chart.y.length > 1 ? label('y') : label(first), unit: unit(first), scale: chart.yScale }}
      series={chart.y.map((name) => ({ label: label(name), values: numbers(name) }))}
      {...(chart.mark !== undefined && { mark: { ...chart.mark, label: label('mark') } })}
    />
  );
}
