// The list of sales: keeps the stages and counts of its rows fresh.

import * as service from './service.js';
import { localTime, number, text, write } from './words.js';

const POLL_MS = 3_000;

function detail(sale, state) {
  if (state === 'closed' || state === 'sold_out') return '';
  if (state === 'scheduled') return `${text('label.scheduled_at')} ${localTime(Date.parse(sale.starts_at))}`;
  return text('left', { n: number(Math.max(0, sale.available)) });
}

function show(sale) {
  const row = document.querySelector(`[data-sale="${CSS.escape(sale.id)}"]`);
  if (row === null) return;
  const state = sale.state === 'settled' ? 'closed' : sale.state;
  row.dataset.state = state;
  write(row.querySelector('.state'), text(`state.${state}`));
  write(row.querySelector('.count'), detail(sale, state));
}

let failures = 0;
let poller = 0;

async function poll() {
  clearTimeout(poller);
  const answer = await service.allSales();
  if (answer.status === 200) answer.body.sales.forEach(show);
  failures = answer.status === 200 ? 0 : failures + 1;
  const distance = failures > 0 ? service.backoff(failures, answer) : POLL_MS * (0.75 + Math.random() / 2);
  if (!document.hidden) poller = setTimeout(poll, distance);
}

document.addEventListener('visibilitychange', () => {
  clearTimeout(poller);
  if (!document.hidden) poll();
});
poll();
