// Follows one order until nothing can happen to it any more.

import * as service from './service.js';

const FINAL = ['paid', 'rejected', 'cancelled', 'expired'];
const WAIT_SECONDS = 20;
const FIRST_MS = 200;
const MOST_MS = 5_000;

export class OrderWatch {
  // `changed(order, stale)`: the order as the shop shows it, or showed it last; null when the shop
  // does not know it.
  constructor(id, changed) {
    this.id = id;
    this.changed = changed;
    this.order = undefined;
    this.tag = null;
    this.timer = 0;
    this.closed = false;
    this.ask(0);
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
  }

  async ask(n) {
    const answer = await service.order(this.id, this.tag, WAIT_SECONDS);
    if (this.closed) return;
    if (answer.status === 200) {
      n = 0;
      this.tag = answer.header('ETag');
      this.tell(answer.body, false);
      if (FINAL.includes(answer.body.state)) return;
    } else if (answer.status === 404) {
      this.tell(null, false);
      return;
    } else if (this.order !== undefined) {
      this.tell(this.order, answer.status !== 304);
    }
    // A server that waited may be asked again at once.
    const waited = answer.header('Preference-Applied') !== null;
    this.timer = setTimeout(() => this.ask(n + 1), waited ? 0 : service.backoff(n, answer, FIRST_MS, MOST_MS));
  }

  tell(order, stale) {
    this.order = order;
    this.changed(order, stale);
  }
}
