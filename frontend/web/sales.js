// The list of sales: keeps the stages and counts of its rows fresh. It asks, for what a cache on the
// way may answer: one list for everybody, where a stream a visitor would be a connection each.

import { Live } from './live.js';
import * as service from './service.js';
import { localTime, number, text, write } from './words.js';

const POLL_MS = 3_000;

function detail(sale, state) {
  if (state === 'closed' || state === 'sold_out') return '';
  if (state === 'scheduled') return `${text('label.scheduled_at')} ${localTime(Date.parse(sale.starts_at))}`;
  return text('left', { n: number(Math.max(0, sale.available)) });
}

const rowOf = (id) => document.querySelector(`[data-sale="${CSS.escape(id)}"]`);

function show(sale) {
  const row = rowOf(sale.id);
  const state = sale.state === 'settled' ? 'closed' : sale.state;
  row.dataset.state = state;
  write(row.querySelector('b'), sale.title);
  write(row.querySelector('.state'), text(`state.${state}`));
  write(row.querySelector('.count'), detail(sale, state));
}

// Sales came or went: the shop makes the page anew, in its own order.
async function renew() {
  const answer = await service.html(location.href);
  if (answer.status !== 200) return;
  const page = new DOMParser().parseFromString(answer.body, 'text/html').querySelector('main');
  if (page.matches('.list')) document.querySelector('main').replaceChildren(...page.children);
  else location.reload(); // there is one sale, and this is its page now
}

let shown = document.querySelectorAll('[data-sale]').length;

async function look() {
  const answer = await service.allSales();
  if (answer.status !== 200) return answer;
  const { sales } = answer.body;
  if (sales.length !== shown || sales.some(({ id }) => rowOf(id) === null)) {
    await renew();
    shown = sales.length; // whatever came of it: the next change renews it again
  }
  sales.filter(({ id }) => rowOf(id) !== null).forEach(show);
  return answer;
}

new Live(null, null, look, () => POLL_MS * (0.75 + Math.random() / 2));
