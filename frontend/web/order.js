// Follows one order until nothing can happen to it any more.

import * as service from './service.js';

const FINAL = ['paid', 'rejected', 'cancelled', 'expired'];
const WAIT_SECONDS = 20;
const FIRST_MS = 200;
const MOST_MS = 5_000;
const CANCEL_ATTEMPTS = 4;

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
    this.cancelling = null; // null, 'sending' or 'failed'
    this.ask(0);
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
  }

  async ask(n) {
    // A browser has few connections to one server: tabs in the background hold none.
    const answer = await service.order(this.id, this.tag, document.hidden ? 0 : WAIT_SECONDS);
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

  // Calls the order off. It counts once, so a shop that is busy is asked again.
  async cancel(buyer) {
    this.mark('sending');
    for (let n = 0; n < CANCEL_ATTEMPTS; n++) {
      const answer = await service.cancelOrder(this.id, buyer);
      if (this.closed) return;
      if (answer.status === 200) {
        this.cancelling = null;
        this.tell(answer.body, false);
        return;
      }
      if (answer.status > 0 && answer.status < 500) break;
      await new Promise((resolve) => setTimeout(resolve, service.backoff(n, answer, FIRST_MS, MOST_MS)));
    }
    this.mark('failed');
  }

  mark(cancelling) {
    this.cancelling = cancelling;
    this.changed(this.order, false);
  }

  tell(order, stale) {
    this.order = order;
    this.changed(order, stale);
  }
}
