import { element, found, keys, numbers, type App, type Step } from './app';

const ROWS = 80;
const COLUMNS = 8;

interface Row {
  name: string;
  cells: number[];
}

/** A table of numbers with sums, whose cells can be changed and whose columns can be sorted. */
export class Table implements App {
  readonly name = 'table';
  readonly root = element('section', { className: 'table' });
  private readonly table = element('table');
  private rows: Row[] = [];
  private sortedBy: number | undefined;

  constructor() {
    this.root.append(this.table);
    this.reset();
  }

  reset(): void {
    const random = numbers(5);
    this.rows = Array.from({ length: ROWS }, (_, i) => ({
      name: `item ${i + 1}`,
      cells: Array.from({ length: COLUMNS }, () => Math.floor(random() * 1000)),
    }));
    this.sortedBy = undefined;
    this.show();
  }

  script(): Step[] {
    const cell = (row: number, column: number) => () =>
      found(this.table, `tbody tr:nth-child(${row}) td:nth-child(${column + 1})`);
    return [
      { click: cell(2, 3) },
      ...keys('71'),
      { key: 'Enter', at: 'keydown' },
      { click: () => found(this.table, 'th:nth-child(3)') },
      { click: cell(1, 2) },
      ...keys('5'),
      { key: 'Enter', at: 'keydown' },
      { click: () => found(this.table, 'th:nth-child(10)') },
    ];
  }

  private show(): void {
    const head = element('tr', {}, element('th', { text: 'name' }));
    for (let column = 0; column <= COLUMNS; column++) {
      const title = element('th', { text: column === COLUMNS ? 'sum' : `column ${column + 1}` });
      title.addEventListener('click', () => {
        this.sortedBy = column;
        this.show();
      });
      head.append(title);
    }
    const value = (row: Row) => row.cells[this.sortedBy ?? 0] ?? sum(row.cells);
    if (this.sortedBy !== undefined) this.rows.sort((a, b) => value(b) - value(a));
    const sums = Array.from({ length: COLUMNS }, (_, i) => sum(this.rows.map((row) => row.cells[i] ?? 0)));
    const foot = element('tr', {}, element('td', { text: 'sum' }), ...[...sums, sum(sums)].map((one) => number(one)));
    this.table.replaceChildren(
      element('thead', {}, head),
      element('tbody', {}, ...this.rows.map((row) => this.line(row))),
      element('tfoot', {}, foot),
    );
  }

  private line(row: Row): HTMLTableRowElement {
    const cells = row.cells.map((value, column) => {
      const cell = number(value);
      cell.addEventListener('click', () => {
        this.edit(cell, row, column);
      });
      return cell;
    });
    return element('tr', {}, element('td', { text: row.name }), ...cells, number(sum(row.cells)));
  }

  private edit(cell: HTMLTableCellElement, row: Row, column: number): void {
    if (cell.querySelector('input')) return;
    const input = element('input');
    input.inputMode = 'numeric';
    input.addEventListener('input', () => {
      input.value = input.value.replace(/\D/g, '');
    });
    input.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter') return;
      row.cells[column] = Number(input.value);
      this.show();
    });
    cell.replaceChildren(input);
    input.focus();
  }
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function number(value: number): HTMLTableCellElement {
  return element('td', { className: value > 900 ? 'high' : '', text: value.toLocaleString('en') });
}
