// What one buyer wants of one sale. Each intent has one Idempotency-Key, which is counted and not
// drawn by lot: a reload, a second tab and a second device name the same order. It is kept in
// localStorage, so that all tabs see it.

import { purchaseToken } from './purchase_token.js';
import * as service from './service.js';

// A press that was not answered is taken up again by a page that loads this soon after it.
const RESUME_MS = 120_000;

// Between two looks at how the waiting room goes on.
const QUEUE_LOOK_MS = 30_000;

// States of an order that left its buyer with nothing.
export const GAVE_BACK = ['rejected', 'cancelled', 'expired'];

// Where a private window refuses localStorage, memory has to do.
const memory = new Map();
const storage = {
  get(key) {
    try {
      return localStorage.getItem(key);
    } catch {
      return memory.get(key) ?? null;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(key, value);
    } catch {
      memory.set(key, value);
    }
  },
};

const BUYER = 'sluice:buyer';

export function buyer() {
  let name = storage.get(BUYER);
  if (!name) {
    const random = crypto.getRandomValues(new Uint32Array(2));
    name = `guest-${random[0].toString(36)}${random[1].toString(36)}`.slice(0, 16);
    storage.set(BUYER, name);
  }
  return name;
}

export function setBuyer(name) {
  storage.set(BUYER, name);
}

// Why a press has to wait.
function reason({ status, body }) {
  if (status === 0) return 'network';
  return status === 429 && body?.limit !== 'global' ? 'often' : 'busy';
}

export class Purchase {
  // `changed()` is called after each change of what this shows: the state below, and `order`.
  constructor(sale, user, clock, changed) {
    this.sale = sale;
    this.user = user;
    this.clock = clock;
    this.changed = changed;
    this.name = `sluice:sale:${sale}:${user}`;
    this.activity = null; // null, {kind: 'sending'} or {kind: 'waiting', why, until}
    this.refusal = null; // {code, detail}: why the last press came to nothing
    this.token = null; // the purchase token, if the sale asked for one
    this.timer = 0;
    this.run = 0; // counts presses and stops, so that an answer that is late finds itself outdated
    this.load();
    addEventListener('storage', this.listener = (event) => {
      if (event.key !== this.name) return;
      this.load();
      if (this.order) this.end();
      this.changed();
    });
  }

  close() {
    removeEventListener('storage', this.listener);
    this.end();
  }

  load() {
    let kept = null;
    try {
      kept = JSON.parse(storage.get(this.name));
    } catch {
      // Not ours, or of another version: as if there were none.
    }
    this.intent = Number.isInteger(kept?.intent) ? kept.intent : 1;
    this.quantity = Number.isInteger(kept?.quantity) ? kept.quantity : 1;
    this.order = typeof kept?.order === 'string' ? kept.order : null;
    this.pressedAt = Number.isFinite(kept?.pressedAt) ? kept.pressedAt : null;
  }

  save() {
    const { intent, quantity, order, pressedAt } = this;
    storage.set(this.name, JSON.stringify({ intent, quantity, order, pressedAt }));
  }

  // Another unit, after the order of before is settled.
  next() {
    this.intent += 1;
    this.order = null;
    this.refusal = null;
  }

  press(quantity) {
    this.quantity = quantity;
    this.pressedAt = Date.now();
    this.order = null;
    this.refusal = null;
    this.save();
    this.end();
    this.attempt(this.run, 0);
  }

  // Another page or device may have ordered under this name.
  async find() {
    if (this.order || this.pressedAt !== null) return;
    const run = this.run;
    const answer = await service.newestOrder(this.sale, this.user);
    const newest = answer.body?.orders?.[0];
    if (run === this.run && newest && !GAVE_BACK.includes(newest.state)) this.adopt(newest.order_id);
  }

  // A press whose answer no page has seen.
  resume() {
    if (this.order || this.pressedAt === null || Date.now() - this.pressedAt > RESUME_MS) return;
    this.end();
    this.attempt(this.run, 0);
  }

  stop() {
    this.end();
    this.refuse('stopped');
  }

  end() {
    clearTimeout(this.timer);
    this.run += 1;
    this.activity = null;
  }

  async attempt(run, n) {
    this.activity = { kind: 'sending' };
    this.changed();
    const answer = await this.place();
    if (run !== this.run) return;
    this.activity = null;
    if (answer.status === 202) {
      this.adopt(answer.body.order_id);
    } else if (answer.code === 'sale-not-started') {
      this.clock.sync();
      this.wait(run, n, 'early', (answer.retryAfter ?? 1000) + Math.random() * 100);
    } else if (answer.code === 'waiting-room') {
      this.queue(run, n, answer.body);
    } else if ([0, 429].includes(answer.status) || answer.status >= 500) {
      this.wait(run, n, reason(answer), service.backoff(n, answer));
    } else if (answer.body?.order) {
      // The limit is reached, or the key was used: by the order that there is.
      this.adopt(String(answer.body.order).split('/').pop(), answer.code);
    } else {
      this.refuse(answer.code || String(answer.status), answer.body?.detail ?? answer.body?.title ?? '');
    }
  }

  // A sale that asks for a purchase token says so, and when the one that it was shown is over.
  async place() {
    const send = () =>
      service.placeOrder(this.sale, this.user, `page-${this.intent}`, this.quantity, this.token);
    const answer = await send();
    if (!answer.code.startsWith('purchase-token-')) return answer;
    const issued = await purchaseToken(this.sale, this.user);
    if (issued.status !== 200) return issued;
    this.token = issued.body.purchase_token;
    return send();
  }

  adopt(order, code = null) {
    this.order = order;
    this.pressedAt = null;
    this.refusal = code === null ? null : { code, detail: '' };
    this.save();
    this.changed();
  }

  refuse(code, detail = '') {
    this.pressedAt = null;
    this.refusal = { code, detail };
    this.save();
    this.changed();
  }

  // The shop does not know the order: there is none.
  lose() {
    this.order = null;
    this.refuse('gone');
  }

  // What this refusal said is not so any more.
  forgive(code) {
    if (this.refusal?.code === code) this.refusal = null;
  }

  // The shop says when this buyer is called. In between it is asked seldom: it may call faster.
  queue(run, n, { position, retry_after_ms: ms }) {
    this.activity = { kind: 'waiting', why: 'queue', position, until: performance.now() + ms };
    this.timer = setTimeout(() => this.attempt(run, n + 1), Math.min(ms + Math.random() * 100, QUEUE_LOOK_MS));
    this.changed();
  }

  wait(run, n, why, ms) {
    this.activity = { kind: 'waiting', why, until: performance.now() + ms };
    this.timer = setTimeout(() => this.attempt(run, n + 1), ms);
    this.changed();
  }
}
