// The sale page: shows what clock, sale, purchase and order say, and passes on what people press.

import { ServerClock } from './clock.js';
import { Live } from './live.js';
import { OrderWatch } from './order.js';
import { GAVE_BACK, Purchase, buyer, setBuyer } from './purchase.js';
import * as service from './service.js';
import { localTime, money, number, span, text, two, write } from './words.js';

const $ = (id) => document.getElementById(id);
const main = $('main');
const data = main.dataset;

// Between two questions, where no events come.
const POLL_OPEN_MS = 1_500;
const POLL_CALM_MS = 5_000; // for whoever has an order
const POLL_IDLE_MS = 10_000;
const SOON_MS = 60_000; // before the start the page looks as often as while it sells
const BUYER_BYTES_MAX = 128;
const FEW = 10;
const SETTLE_MS = 700;

// ---- what is known -----------------------------------------------------------------------------

const time = (value) => (value ? Number(value) : null);
const clock = new ServerClock(Number(data.now));
let sale = {
  state: data.state,
  available: Number(data.available),
  limit: Number(data.limit),
  price: Number(data.price),
  currency: data.currency,
  title: document.querySelector('h1').textContent,
  startsAt: time(data.starts),
  endsAt: time(data.ends),
};
let saleIsStale = false;
let purchase = null; // none while a shop with logins does not know who this is
let watch = null;
let order = null; // as the shop shows it
let orderIsStale = false;

// The stage as the clock has it by now; the shop's word may be some seconds old.
function stage() {
  const now = clock.now();
  if (sale.state === 'settled' || sale.state === 'closed') return 'closed';
  if (sale.endsAt !== null && now >= sale.endsAt) return 'closed';
  if (sale.state !== 'scheduled') return sale.state;
  if (sale.startsAt !== null && now < sale.startsAt) return 'scheduled';
  return sale.available > 0 ? 'open' : 'sold_out';
}

// ---- the sale ----------------------------------------------------------------------------------

// For those who hear the page: what has become another, and not each second of a countdown.
const told = { stage: data.state, order: undefined, message: '' };
const news = [];

function tell(what, state, ...words) {
  if (told[what] === state) return;
  told[what] = state;
  news.push(...words);
}

function announce() {
  if (news.length > 0) $('announce').textContent = news.splice(0).join(' ');
}

function renderCountdown(left) {
  const seconds = Math.max(0, Math.ceil(left / 1000));
  const parts = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  [...$('countdown').children].forEach((part, i) => {
    part.hidden = i === 0 && parts[0] === 0;
    write(part.firstElementChild, two(parts[i]));
  });
}

function renderStage(now) {
  main.dataset.state = now;
  write($('badge'), text(`state.${now}`));
  write($('label'), text(`label.${now}`));
  const few = now === 'open' && sale.available <= FEW;
  write($('note'), text(saleIsStale ? 'live.stale' : few ? 'note.few' : `note.${now}`));
  const counts = now !== 'scheduled' && now !== 'closed';
  $('countdown').hidden = now !== 'scheduled';
  $('figure').hidden = now === 'scheduled';
  $('figure').className = `figure ${counts ? 'count' : 'word'}`;
  $('figure').classList.toggle('few', few);
  write($('figure'), counts ? number(sale.available) : text('figure.closed'));
  if (now === 'scheduled') renderCountdown(sale.startsAt - clock.now());
  tell('stage', now, `${text(`state.${now}`)}.`, text(`note.${now}`));
}

function renderTime(id, at) {
  $(`${id}-fact`).hidden = at === null;
  if (at === null) return;
  write($(id), localTime(at));
  $(id).dateTime = new Date(at).toISOString();
}

function renderFacts(now) {
  // Once the stage counts, it need not be said again.
  $('stock-fact').hidden = now !== 'scheduled';
  $('each').hidden = sale.limit < 2;
  write(document.querySelector('h1'), sale.title);
  write($('price'), money(sale.price, sale.currency));
  write($('stock'), number(sale.available));
  write($('limit'), number(sale.limit));
  renderTime('starts', sale.startsAt);
  renderTime('ends', sale.endsAt);
  $('clock').hidden = clock.error === Infinity;
  write($('clock'), `${text('clock_local')} (${Intl.DateTimeFormat().resolvedOptions().timeZone}) · ` +
    text('clock_synced', { n: Math.ceil(clock.error) }));
}

// ---- the order ---------------------------------------------------------------------------------

const STEPS = { pending: 0, queued: 1, placed: 2, paid: 3 };

function orderNote(state) {
  if (orderIsStale) return text('order_note.stale');
  if (order.refund_due) return text('order_note.refund_due');
  if (watch.cancelling === 'sending') return text('order_note.cancelling');
  if (watch.cancelling === 'failed') return text('order_note.cancel_failed');
  const due = order?.expires_at ? Date.parse(order.expires_at) - clock.now() : 0;
  if (state === 'placed' && due > 0) return text('order_note.placed_due', { time: span(due) });
  return text(`order_note.${state}`);
}

function renderSteps(state) {
  const done = STEPS[state];
  $('steps').hidden = done === undefined;
  const pays = Boolean(order?.expires_at) || state === 'paid';
  [...$('steps').children].forEach((step, i) => {
    step.className = i < done ? 'done' : i === done ? 'current' : '';
    if (step.dataset.step === 'paid') step.hidden = !pays;
  });
}

// Where the shop's operator has people pay, filled in for this order.
function paymentUrl() {
  const values = { order: order.order_id, amount: order.unit_price * order.quantity, currency: order.currency };
  return data.payment.replace(/\{(\w+)\}/g, (place, name) => (name in values ? encodeURIComponent(values[name]) : place));
}

let unsure = false; // asked whether to cancel
let pressed = false; // the button, which goes when the order comes: the focus goes on there

function renderActions(state) {
  const busy = watch.cancelling === 'sending';
  const canEnd = ['queued', 'placed'].includes(state) && !busy;
  $('pay').hidden = data.payment === '' || state !== 'placed' || busy || order.unit_price === 0;
  if (!$('pay').hidden) {
    write($('pay'), text('pay', { amount: money(order.unit_price * order.quantity, order.currency) }));
    $('pay').href = paymentUrl();
  }
  $('cancel').hidden = !canEnd || unsure;
  $('sure').hidden = !canEnd || !unsure;
}

function renderOrder() {
  const shown = purchase !== null && purchase.order !== null && order !== null;
  const appears = shown && $('order').hidden;
  $('order').hidden = !shown;
  if (!shown) return;
  $('order').dataset.state = order.state;
  write($('order-state'), text(`order.${order.state}`));
  write($('order-note'), orderNote(order.state));
  renderSteps(order.state);
  renderActions(order.state);
  write($('order-quantity'), number(order.quantity));
  write($('order-total'), money(order.unit_price * order.quantity, order.currency));
  write($('order-id'), order.order_id);
  tell('order', order.state, `${text(`order.${order.state}`)}.`, orderNote(order.state));
  if (appears && pressed) $('order-state').focus();
  pressed &&= !appears;
}

function followOrder() {
  const followed = purchase?.order ?? null;
  if ((watch?.id ?? null) === followed) return;
  watch?.close();
  watch = null;
  order = null;
  orderIsStale = false;
  unsure = false;
  if (followed === null) return;
  watch = new OrderWatch(followed, (shown, stale) => {
    order = shown;
    orderIsStale = stale;
    if (shown === null) purchase.lose();
    render();
  });
}

// ---- buying ------------------------------------------------------------------------------------

// What the button is for: 'buy', 'again' (the order came to nothing), 'another', or nothing.
function offer() {
  if (purchase.order === null) return 'buy';
  if (order === null || purchase.refusal?.code === 'limit-reached') return null;
  if (GAVE_BACK.includes(order.state)) return 'again';
  return order.quantity < sale.limit && STEPS[order.state] > 1 ? 'another' : null;
}

const REFUSALS = {
  'sold-out': 'sold_out',
  'sale-paused': 'paused',
  'sale-ended': 'closed',
  blocked: 'excluded',
  'not-allowed': 'excluded',
  stopped: 'stopped',
  gone: 'gone',
};

let placeOf = null; // the buyer who has a place from before the start

const hasPlace = () => placeOf === purchase.user && stage() === 'scheduled';

// All who come before the start are equal: a lot decides.
async function comeEarly() {
  const user = purchase?.user;
  if (user === undefined || !sale.waits || stage() !== 'scheduled' || placeOf === user) return;
  placeOf = user;
  const answer = await service.takePlace(data.sale, user);
  if (answer.status !== 200 && placeOf === user) placeOf = null;
  render();
}

function message() {
  const { activity, refusal } = purchase;
  if (activity?.kind === 'waiting') {
    const left = activity.until - performance.now();
    const n = Math.max(1, Math.ceil(left / 1000));
    return text(`wait.${activity.why}`, { n, time: span(left), position: number(activity.position ?? 0) });
  }
  if (refusal === null) return hasPlace() ? text('wait.lot') : '';
  if (refusal.code === 'limit-reached') return text('refused.limit', { n: sale.limit });
  if (refusal.code === 'key-reused') return '';
  const known = REFUSALS[refusal.code];
  if (known === undefined) return text('refused.request', { detail: refusal.detail || refusal.code });
  if (known === 'sold_out' && purchase.quantity > 1) return text('refused.fewer', { n: purchase.quantity });
  return text(`refused.${known}`);
}

function buttonText(now, wanted) {
  if (purchase.activity?.why === 'queue') return text('buy.queue');
  if (purchase.activity !== null) return text('buy.sending');
  if (now !== 'open') return text(`buy.${now}`);
  return text({ buy: 'buy', again: 'buy_again', another: 'buy_another' }[wanted]);
}

let offered = 'buy';
let offeredAt = 0;

// A press that was meant for "Buy now" must not buy another because an order came from another tab.
function isSettled(wanted) {
  if (wanted !== offered) {
    offered = wanted;
    offeredAt = performance.now();
    setTimeout(render, SETTLE_MS);
  }
  return wanted !== 'another' || performance.now() - offeredAt >= SETTLE_MS;
}

function renderLogin(now) {
  $('buy').hidden = true;
  $('member').hidden = true;
  $('login').hidden = data.login === '' || now === 'closed';
  $('login').href = data.login.replace('{path}', encodeURIComponent(location.pathname + location.search));
  write($('message'), loginIsOver ? text('login_over') : '');
  $('message').hidden = !loginIsOver;
}

function renderBuying(now) {
  const wanted = offer();
  const busy = purchase.activity !== null;
  $('buy').hidden = wanted === null && !busy;
  if (!$('buy').hidden) write($('buy-button'), buttonText(now, wanted));
  $('buy-button').disabled = !isSettled(wanted) || busy || now !== 'open';
  $('buy-button').setAttribute('aria-busy', String(busy));
  $('stop').hidden = purchase.activity?.kind !== 'waiting';
  $('quantity-line').hidden = sale.limit < 2 || busy;
  $('quantity').max = sale.limit;
  const said = message();
  tell('message', purchase.activity?.why ?? purchase.refusal?.code, said);
  $('message').hidden = said === '';
  write($('message'), said);
  $('login').hidden = true;
  $('buyer').hidden = logsIn;
  $('member').hidden = !logsIn;
  write($('buyer-name'), purchase.user);
  write($('member').querySelector('b'), purchase.user);
}

function render() {
  const now = stage();
  followOrder();
  live.prefer(watch === null || watch.closed); // whoever has an order has its events
  renderStage(now);
  renderFacts(now);
  renderOrder();
  if (purchase !== null) renderBuying(now);
  else if (logsIn) renderLogin(now);
  announce();
}

function quantity() {
  const wanted = Number($('quantity').value);
  return Number.isInteger(wanted) ? Math.min(Math.max(wanted, 1), sale.limit) : 1;
}

function step(by) {
  $('quantity').value = quantity();
  $('quantity').value = Math.min(Math.max(quantity() + by, 1), sale.limit);
}

function openPurchase(name) {
  purchase?.close();
  purchase = new Purchase(data.sale, name, clock, render);
  render();
  purchase.resume();
}

$('buy').addEventListener('submit', (event) => {
  event.preventDefault();
  if (purchase === null) return;
  const wanted = offer();
  if (stage() !== 'open' || purchase.activity !== null || wanted === null) return;
  pressed = true;
  if (wanted !== 'buy') purchase.next();
  purchase.press(quantity());
});
$('stop').addEventListener('click', () => purchase.stop());
function ask(sure) {
  unsure = sure;
  render();
  $(sure ? 'cancel-no' : 'cancel').focus();
}

$('cancel').addEventListener('click', () => ask(true));
$('cancel-no').addEventListener('click', () => ask(false));
$('cancel-yes').addEventListener('click', () => {
  unsure = false;
  watch.cancel(purchase.user);
});
$('fewer').addEventListener('click', () => step(-1));
$('more').addEventListener('click', () => step(1));
$('buyer').addEventListener('toggle', () => {
  if (!$('buyer').open) return;
  $('buyer-input').value = purchase.user;
  $('buyer-input').focus();
});
$('buyer-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const input = $('buyer-input');
  const name = input.value.trim();
  const bytes = new TextEncoder().encode(name).length;
  input.setCustomValidity(bytes < 1 || bytes > BUYER_BYTES_MAX ? text('buyer_invalid') : '');
  if (!input.reportValidity()) return;
  setBuyer(name);
  $('buyer').open = false;
  if (name === purchase.user) return;
  openPurchase(name);
  purchase.find();
});
$('buyer-input').addEventListener('input', () => $('buyer-input').setCustomValidity(''));

// ---- time passes -------------------------------------------------------------------------------

let ticker = 0;

// At each full second of what is counted down, and to the moment when the sale opens.
function tick() {
  clearTimeout(ticker);
  render();
  if (clock.isStale() && !document.hidden) clock.sync().then(tick);
  const left = (sale.startsAt ?? 0) - clock.now();
  const next = left > 0 ? left % 1000 : 1000 - (clock.now() % 1000);
  ticker = setTimeout(tick, Math.max(next, 10));
}

function take(shown) {
  saleIsStale = false;
  sale = {
    state: shown.state,
    available: Math.max(0, shown.available),
    limit: shown.per_user_limit,
    price: shown.unit_price,
    currency: shown.currency,
    title: shown.title,
    startsAt: shown.starts_at ? Date.parse(shown.starts_at) : null,
    endsAt: shown.ends_at ? Date.parse(shown.ends_at) : null,
    waits: shown.waiting_room === true,
  };
  comeEarly();
  if (sale.available >= purchase?.quantity) purchase.forgive('sold-out');
  tick();
}

async function look() {
  const answer = await service.sale(data.sale);
  saleIsStale = answer.status !== 200;
  if (saleIsStale) tick();
  else take(answer.body);
  return answer;
}

function distance() {
  const now = stage();
  const calm = (purchase?.order ?? null) === null ? POLL_OPEN_MS : POLL_CALM_MS;
  const soon = sale.startsAt - clock.now() < SOON_MS ? POLL_OPEN_MS : POLL_IDLE_MS;
  return ({ closed: POLL_IDLE_MS, scheduled: soon }[now] ?? calm) * (0.75 + Math.random() / 2);
}

// ---- who buys ----------------------------------------------------------------------------------

// The shop has people log in, and the token that says who they are is out of the reach of scripts.
const logsIn = data.auth === 'jwt';
let loginIsOver = false;

async function greet() {
  const answer = await service.user();
  if (answer.status === 200 && purchase?.user !== answer.body.user) {
    loginIsOver = false;
    openPurchase(answer.body.user);
    purchase.find();
    comeEarly();
  }
}

addEventListener('sluice:logged-out', () => {
  if (!logsIn) return;
  loginIsOver ||= purchase !== null;
  purchase?.close();
  purchase = null;
  render();
});
// Who logged in behind another tab comes back to this one.
document.addEventListener('visibilitychange', () => {
  if (logsIn && !document.hidden && purchase === null) greet();
});

const live = new Live(service.saleEvents(data.sale), take, look, distance);
if (logsIn) greet();
else openPurchase(buyer());
tick();
